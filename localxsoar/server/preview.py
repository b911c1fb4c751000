"""A preview: a second container of an instance, in which deliveries become incidents that are kept nowhere."""
from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from localxsoar.errors import CommandFailed, UsageError
from localxsoar.forward import EXTERNAL_SETTING, Forwarder, Request, Response
from localxsoar.incidents.store import Store
from localxsoar.server.instance import LONG_RUNNING_IS_OFF, Instance
from localxsoar.terminal.printer import Printer

LOOK_SECONDS = 0.02
KNOWN_INCIDENTS = 20_000  # that a repeat in the second container may still mention
Describe = Callable[[Mapping[str, Any]], dict[str, Any]]


class Unkept(Store):
    """A store that replies to createIncidents as any other, but keeps of an incident only what `describe` returns."""

    def __init__(self) -> None:
        super().__init__()
        self.describe: Describe = dict
        self.described: OrderedDict[str, dict[str, Any]] = OrderedDict()  # by id, the latest last
        self._ids = count(1)

    def create(self, incidents: Sequence[dict[str, Any]], instance: str, brand: str, kind: str = '') -> list[dict[str, Any]]:
        """Return the incidents with ids, as if they were created. Raise CallRejected if one is wrong."""
        made = [{**each, 'id': str(next(self._ids))} for each in self.preview(incidents, instance, brand, kind)]
        self.described.update((each['id'], self.describe(each)) for each in made)
        while len(self.described) > KNOWN_INCIDENTS:
            self.described.popitem(last=False)
        return made


class Preview:
    """The second container of an instance, from `start` to `stop`.

    It has the instance's parameters, but a port, a context and a memory of repeats of its own, and prints and publishes nothing.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.store = Unkept()
        self.ended = threading.Event()
        self._users: set[object] = set()
        self._starting = threading.Lock()
        self.twin = self._new_twin()
        self._forwarder = Forwarder({instance.name: lambda: self.twin.open_port}, {EXTERNAL_SETTING: 'true'})

    def _new_twin(self) -> Instance:
        return self.instance.twin(self.store, Printer(write=lambda text: None))

    def start(self) -> None:
        """Start the container. Raise UsageError if the instance has none that could be started."""
        if not self.instance.runs_long:
            raise UsageError(LONG_RUNNING_IS_OFF)
        with self._starting:
            if not self.ended.is_set():
                self.twin.enable()

    def use(self) -> Callable[[], None]:
        """Return what ends this use of the preview. The last that ends stops the container."""
        user = object()
        self._users.add(user)

        def leave() -> None:
            self._users.discard(user)
            if not self._users:
                self.stop()
        return leave

    def stop(self) -> None:
        """End the container, and return after it has ended."""
        self.ended.set()
        with self._starting:
            self.twin.disable()

    def wait_until_ready(self) -> None:
        """Return once the container listens, a new one if the instance has other parameters or another script by now.

        Raise CommandFailed if it cannot start, or if the preview ends before.
        """
        if not self.twin.is_like(self.instance):
            with self._starting:
                self.twin.disable()
                self.twin = self._new_twin()
            self.start()
        while not self.twin.open_port:
            health = self.twin.journal.health
            if health['isError'] and self.twin.pid is None:
                raise CommandFailed(str(health['error']))
            if self.ended.wait(LOOK_SECONDS):
                raise CommandFailed('The preview has ended.')

    def forward(self, request: Request) -> Response:
        """Return the container's response to a request."""
        return self._forwarder.forward(request)
