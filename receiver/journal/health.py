"""What the instance's page says is wrong."""
import time

from msgspec import Struct

from receiver.limits import SLOWNESS_SECONDS


class Health(Struct):
    """The status text on the instance's page: what it should say, what was last sent, and when to send it again."""

    every: float = 60  # the shortest time in seconds between two reports of something wrong
    error: str = ''  # of XSOAR or the port
    internal_error: str = ''  # of a request, until it has been sent and a later createIncidents call succeeds
    slowness: str = ''  # that a call, or the receiver itself, took long; empty SLOWNESS_SECONDS later
    slowness_ends_at: float = 0
    sent: str | None = None  # the text that was last sent; None if none was, or if sending it failed
    due_at: float = 0  # when the next report of something wrong may be sent

    @property
    def text(self) -> str:
        """Return what the page should say; '' if nothing is wrong."""
        return ' '.join(filter(None, (self.error, self.internal_error, self.slowness)))

    def show_slowness(self, text: str) -> None:
        """Show for SLOWNESS_SECONDS what took long."""
        self.slowness, self.slowness_ends_at = text, time.monotonic() + SLOWNESS_SECONDS

    def record_success(self) -> None:
        """Record that XSOAR has created incidents: that ends the error. It ends an internal one only if that has been sent."""
        self.error = ''
        if self.sent and self.internal_error in self.sent:  # `sent` is a text of up to three errors
            self.internal_error = ''

    def is_due(self, now: float) -> bool:
        """Return whether to send the text now: it has changed, and either it is time or nothing is wrong any more.

        A slowness that has been shown long enough is dropped from it first.
        """
        if now >= self.slowness_ends_at:
            self.slowness = ''
        return self.text != self.sent and (now >= self.due_at or bool(self.sent and not self.text))

    def record_sent(self, text: str, has_failed: bool, now: float) -> None:
        """Record that a text was sent, or that sending it failed: then it is sent again."""
        self.sent = None if has_failed else text
        if text or has_failed:
            self.due_at = now + self.every
