"""What the unit tests of packs import: this folder is in their path."""
