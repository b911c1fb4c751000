"""requests.get and its like, with a time-out that only ends what hangs."""
from __future__ import annotations

from functools import partial

import requests
from clocks import PATIENCE_SECONDS

get, head, options, post = (partial(getattr(requests, method), timeout=PATIENCE_SECONDS)
                            for method in ('get', 'head', 'options', 'post'))
