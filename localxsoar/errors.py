"""The local XSOAR's own errors, each with a text of one line that says what to change, and the form of an error reply."""


class UsageError(Exception):
    """The command line, the pack or the instance's form is wrong."""


class CallRejected(Exception):
    """The server rejects a call: the container gets an error reply with this text."""


class RawReply(str):
    """A reply that is sent as it is: an error, or what is not JSON. Any other reply is sent as JSON."""
