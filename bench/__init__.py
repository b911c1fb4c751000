"""Measurements of the pack beside a baseline, in one run: `python -m bench`, or `python -m bench SCENE ...`."""
