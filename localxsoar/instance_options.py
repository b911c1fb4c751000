"""The instances that a command line describes: --integration, --instance and --set, in their order."""
from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from localxsoar.packs import pack
from localxsoar.errors import UsageError
from localxsoar.server.server import Server


class InOrder(argparse.Action):
    """An option whose place among --integration, --instance and --set matters. `order` keeps all of them."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any,
                 option_string: str | None = None) -> None:
        namespace.order = [*getattr(namespace, 'order', []), (self.dest, values)]
        setattr(namespace, self.dest, [*(getattr(namespace, self.dest) or []), values])


@dataclass
class Wanted:
    """An instance as the command line describes it."""
    instance: str = ''
    integration: str = ''
    given: dict[str, str] = field(default_factory=dict)


def wanted_instances(options: argparse.Namespace) -> tuple[list[Wanted], dict[str, str]]:
    """Return the instances that the options ask for, at least one, and the parameters for all of them."""
    found: list[Wanted] = []
    common: dict[str, str] = {}
    for kind, value in getattr(options, 'order', []):
        if kind == 'set':
            (found[-1].given if found else common).update(read_assignments([value], '--set'))
            continue
        if not found or getattr(found[-1], kind):
            found.append(Wanted())
        setattr(found[-1], kind, value)
    for before, wanted in pairwise(found):
        wanted.integration = wanted.integration or before.integration
    return found or [Wanted()], common


def add_instances(options: argparse.Namespace, server: Server, free_port: Callable[[], int]) -> None:
    """Add the instances that the options describe.

    A parameter for all is given to those that have it, and always to the first, which rejects an unknown one.
    """
    instances, common = wanted_instances(options)
    for position, wanted in enumerate(instances):
        integration = pack.load_integration(options.pack, wanted.integration)
        if wanted.integration not in ('', integration.name):
            names = ', '.join(each.name for each in pack.load_integrations(options.pack))
            raise UsageError(f'{options.pack} has no integration {wanted.integration}. Its integrations: {names}.')
        names_of_rows = {row['name'] for row in integration.parameters}
        shared = {name: value for name, value in common.items() if name in names_of_rows or position == 0}
        server.add(wanted.instance or integration.name.lower(), integration, {**shared, **wanted.given}, free_port)


def read_assignments(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return NAME=VALUE texts from the command line as a dict. Raise UsageError for any other text."""
    pairs = [text.partition('=') for text in texts]
    for text, (name, equals, _) in zip(texts, pairs, strict=True):
        if not name or not equals:
            raise UsageError(f'{option} expects NAME=VALUE, not {name or text!r}.')
    return {name: value for name, _, value in pairs}
