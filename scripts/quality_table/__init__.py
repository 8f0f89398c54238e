"""The table of `scripts/quality.py`: what each way to shrink a model costs, and what it gains."""
