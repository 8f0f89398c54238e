"""Other projects' models and data as checkpoint directories."""
