"""Measurements of the pack beside a baseline, in one run: `python -m bench`, or `python -m bench SCENE ...`."""
import shared  # noqa: F401 - puts the pack and `demisto` on the path
