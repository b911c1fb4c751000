"""What an event says. Takes an event, headers and the words of a URL; gives name, type, time, severity, end and problem key."""
