"""The integration's process: the loop inside it, the line to it, the calls it makes, its faults and its ends."""
