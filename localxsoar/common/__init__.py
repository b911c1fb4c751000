"""The parts of the carried CommonServerPython. CommonServerPython.py names them in their order."""
