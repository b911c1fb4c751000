"""Takes posts with incidents, and gives one call after another; says what becomes of them. Without threads."""
