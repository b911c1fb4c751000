"""The local XSOAR's own errors: each text is one line that a person can act on."""


class UsageError(Exception):
    """The command line, the pack or the instance's form is wrong."""


class CallRefused(Exception):
    """The server does not do what a call asks for: the container gets an error reply with this text."""
