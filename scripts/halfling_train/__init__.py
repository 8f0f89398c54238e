"""Training of sequential recommenders over semantic IDs; see docs/training.md."""
