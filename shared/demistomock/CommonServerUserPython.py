"""Empty on purpose: on a server it holds an administrator's own functions, and the pack uses none."""
