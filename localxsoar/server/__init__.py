"""The XSOAR server: instances, their schedules and restarts, the War Room, and the commands that scripts use."""
