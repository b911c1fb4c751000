"""The receiver: a package for each room, from which `./dev build` makes the one file that XSOAR loads."""
