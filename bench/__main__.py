"""Runs the scenes, ours and the baseline in turns, and prints a table of medians and ratios."""
from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from bench.scenes.bodies import bodies_at_once, bodies_that_wait, large_bodies
from bench.scenes.calls import call_sizes
from bench.scenes.cpu import cpu_a_request
from bench.scenes.crowds import crowds
from bench.scenes.floods import all_at_once, echoed_responses, floods, unread_responses
from bench.scenes.instances import instances
from bench.scenes.instructions import instructions
from bench.scenes.join import join_script
from bench.scenes.page import page
from bench.rows import Row
from bench.scenes.speed import (TURNS, burst_of_300, burst_of_1000, endurance, idle_connections, latency, start,
                                storm_of_refusals, throughput, while_a_call_hangs)
from bench.scenes.tokens import tokens
from bench.scenes.waits import slow_senders, small_events, streams
from bench.scenes.words import url_words
from bench.scenes.work import work

SCENES: dict[str, Callable[[], Iterable[Row]]] = {
    function.__name__: function for function in
    (burst_of_300, burst_of_1000, throughput, latency, while_a_call_hangs, storm_of_refusals, start, endurance, idle_connections,
     cpu_a_request, instances, bodies_that_wait, bodies_at_once, large_bodies, floods, unread_responses, echoed_responses,
     all_at_once, small_events, streams, slow_senders, crowds, work, tokens, url_words, instructions, page, join_script,
     call_sizes)
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog='bench', description=__doc__)
    parser.add_argument('scenes', metavar='SCENE', nargs='*', help=f'one of {", ".join(SCENES)} (default: all)')
    parser.add_argument('--script', metavar='FILE', type=Path, help='another version of the script, for `instructions`, `crowds`')
    options = parser.parse_args(arguments)
    names = options.scenes
    unknown = [name for name in names if name not in SCENES]
    if unknown:
        sys.exit(f'bench: {", ".join(unknown)} is not a scene. Known: {", ".join(SCENES)}.')
    scenes: dict[str, Callable[[], Iterable[Row]]] = {
        **SCENES, **{scene.__name__: partial(scene, options.script) for scene in (instructions, crowds)}}
    print(f'Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}; medians of {TURNS} turns or more\n')
    print('| scene | ours | baseline | ratio | must reach | reached |\n| --- | --- | --- | --- | --- | --- |', flush=True)
    rows = []
    for name in names or SCENES:
        for row in scenes[name]():
            rows.append(row)
            print('|', ' | '.join([*row[:-1], 'yes' if row.reached else 'NO']), '|', flush=True)
    print('\nThe command: python -m bench ' + ' '.join(arguments))
    return 0 if all(row.reached for row in rows) else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
