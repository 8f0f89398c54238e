"""What the pages and plots of recorded measurements have in common."""
