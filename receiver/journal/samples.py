"""The samples of the mapping wizard."""
from functools import partial
from typing import Any

from receiver.journal.log import read_context
from receiver.limits import MAX_SAMPLES
from receiver.queue.posts import memory_of

MAX_SAMPLE_BYTES = 50_000  # of one incident: the integration context stores them all


def with_samples(samples: list[dict[str, Any]], incidents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the latest of both for the mapping wizard, without large ones. Their `rawJSON` is a str."""
    return [*samples, *(incident for incident in incidents if memory_of(incident) <= MAX_SAMPLE_BYTES)][-MAX_SAMPLES:]


read_samples = partial(read_context, 'samples', list[dict[str, Any]])
