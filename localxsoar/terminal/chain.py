"""What became of a delivery, step by step, in the words that the terminal, the page and a shared file have in common."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# The sign of each word, in the order in which a delivery's steps are said.
SIGNS = {'created': '→', 'joined': '↳', 'ended': '✓', 'dropped': '⊘', 'skipped': '⊘', 'repeat': '↺', 'lost': '✗', 'rejected': '',
         'left': '↯'}
FEW_NUMBERS = 3


def chain(delivery: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what became of a delivery, given as its summary: what was created first.

    Each step has its `word` and `sign`, the `incidents` or the `delivery` that it names, and its `text`; `said` is sign and text.
    """
    return [{**step, 'sign': (sign := SIGNS[step['word']]), 'said': f'{sign} {step["text"]}'.strip()} for step in steps(delivery)]


def steps(delivery: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    kind, incidents = delivery['kind'], delivery['incidents']
    own = delivery.get('own', [] if kind == 'repeat' else incidents)  # one that was recorded by an earlier version does not say
    repeated = [number for number in incidents if number not in own]
    if own:
        yield step('created', numbers(own), own)
    yield from steps_of_rule(delivery.get('acts', ()))
    if delivery.get('skipped'):
        yield step('skipped', f'skipped: {delivery["skipped"]}')
    if original := delivery.get('repeats'):
        yield step('repeat', str(original), repeated, original)
    elif repeated:
        yield step('repeat', f'of {name_incidents(repeated)}', repeated)
    elif delivery.get('is_repeat'):
        yield step('repeat', 'of an earlier delivery')
    if delivery.get('is_lost'):
        yield step('lost', 'lost')
    if kind == 'rejected':
        yield step('rejected', delivery['text'])
    if delivery.get('has_left'):
        yield step('left', 'left')


def step(word: str, text: str = '', incidents: Iterable[str] = (), delivery: int = 0) -> dict[str, Any]:
    return {'word': word, 'text': text, 'incidents': [*incidents], 'delivery': delivery}


def steps_of_rule(acts: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what a pre-process rule did with the events of a delivery; one step for those of which the same is said."""
    groups: dict[tuple[str, str], list[str]] = {}
    for act in sorted(acts, key=lambda each: [*SIGNS].index(each['word'])):
        groups.setdefault((act['word'], act['text']), []).append(act['incident'])
    for (word, text), found in groups.items():
        count = f'{len(found)} dropped' if len(found) > 1 else 'dropped'
        incidents = [*dict.fromkeys(number for number in found if number)]
        yield step(word, count if word == 'dropped' else f'{numbers(incidents)} {text}'.strip(), incidents)


def numbers(ids: Iterable[str]) -> str:
    """Return `7`, `7, 9`, `7 to 12` or, if others lie between them, `12 from 7 to 40`."""
    ordered = sorted(ids, key=int)
    if len(ordered) <= FEW_NUMBERS:
        return ', '.join(ordered)
    has_gaps = int(ordered[-1]) - int(ordered[0]) != len(ordered) - 1
    return f'{f"{len(ordered)} from " if has_gaps else ""}{ordered[0]} to {ordered[-1]}'


def name_incidents(ids: Iterable[str]) -> str:
    ids = [*ids]
    return f'incident{"s" * (len(ids) > 1)} {numbers(ids)}'
