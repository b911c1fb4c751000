"""Output for a person at a terminal: one line for each thing that happens."""
