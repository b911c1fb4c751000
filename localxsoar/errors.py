"""The local XSOAR's own errors: the text of each is one line that says what to change."""


class UsageError(Exception):
    """The command line, the pack or the instance's form is wrong."""


class CallRejected(Exception):
    """The server rejects a call: the container gets an error reply with this text."""
