"""The parts of scripts/catalogue_scale.py: synthetic catalogues, the page and its plot."""
