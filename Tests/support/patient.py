"""requests.get and its like, with a time-out that only ends what hangs."""

from functools import partial

import requests
from clocks import PATIENCE_SECONDS

get = partial(requests.get, timeout=PATIENCE_SECONDS)
post = partial(requests.post, timeout=PATIENCE_SECONDS)
options = partial(requests.options, timeout=PATIENCE_SECONDS)
