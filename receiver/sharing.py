"""Let other greenlets run while one works long."""
import time

import gevent

others_ran_at = 0.0  # when other greenlets were last allowed to run


def let_others_run_if_due(after_seconds: float = 0.01) -> None:
    """Let other greenlets run, unless a call did so less than `after_seconds` ago.

    Call it between the steps of any work that takes longer for larger bodies.
    """
    global others_ran_at
    if time.monotonic() - others_ran_at > after_seconds:
        others_ran_at = time.monotonic()  # before the sleep, too: a greenlet that runs during it must not yield again at once
        gevent.sleep(0.0001)  # with 0, gevent would come back up to 50 times before it looks at a socket
        others_ran_at = time.monotonic()
