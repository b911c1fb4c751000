"""The instances that a command line describes: --integration, --instance and --set, in their order."""
from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
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


def add_instances(options: argparse.Namespace, server: Server, free_port: Callable[[], int], only_ready: bool = False) -> None:
    """Add the instances that the options describe or, if they name none, one for each pack with an integration.

    A parameter for all is given to those that have it, and always to the first, which rejects an unknown one. With `only_ready`,
    and without any such option, add every integration whose form needs nothing, and leave out the others.
    """
    instances, common = wanted_instances(options)
    if only_ready and not getattr(options, 'order', []):
        for integration in (each for path in options.pack for each in pack.load_integrations(path)):
            with suppress(UsageError):
                server.add(integration.name.lower(), integration, {}, free_port)
        return
    given = [(wanted, pack_with(options.pack, wanted.integration)) for wanted in instances]
    if instances == [Wanted()]:
        given = [(Wanted(), path) for path in options.pack if pack.load_integrations(path)] or given
    for position, (wanted, path) in enumerate(given):
        integration = pack.load_integration(path, wanted.integration)
        if wanted.integration not in ('', integration.name):
            names = ', '.join(each.name for each in pack.load_integrations(path))
            raise UsageError(f'{path} has no integration {wanted.integration}. Its integrations: {names}.')
        names_of_rows = {row['name'] for row in integration.parameters}
        shared = {name: value for name, value in common.items() if name in names_of_rows or position == 0}
        server.add(wanted.instance or integration.name.lower(), integration, {**shared, **wanted.given}, free_port)


def pack_with(packs: Sequence[Path], integration: str) -> Path:
    """Return the first of the packs that has the integration or, if none has, the first that has any, or the first."""
    having = [(path, [each.name for each in pack.load_integrations(path)]) for path in packs]
    any_pack = next((path for path, names in having if names), packs[0])
    return next((path for path, names in having if integration in names), any_pack)


def read_assignments(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return NAME=VALUE texts from the command line as a dict. Raise UsageError for any other text."""
    pairs = [text.partition('=') for text in texts]
    for text, (name, equals, _) in zip(texts, pairs, strict=True):
        if not name or not equals:
            raise UsageError(f'{option} expects NAME=VALUE, not {name or text!r}.')
    return {name: value for name, _, value in pairs}
