"""docs/how-a-request-flows.md tells the way of a POST through the files; here a real one goes it, and each call is noted."""
from __future__ import annotations

import ast
import sys
from pathlib import Path

import patient
import pytest
from documents import quoted, read, table
from local_xsoar import ROOT, wait_for
from shared.webhook import SCRIPT, TOKEN, Webhook, changed_pack

pytestmark = pytest.mark.sockets

PAGE = ROOT / 'docs' / 'how-a-request-flows.md'
GUARD = "if __name__ in ('__main__', '__builtin__', 'builtins'):"
NOTES = '''
def note_calls(path):
    import sys
    notes = open(path, 'a', buffering=1)
    here = main.__code__.co_filename

    def began(code, offset):
        if code.co_filename == here:
            notes.write(code.co_qualname.replace('.<locals>', '') + chr(10))

    sys.monitoring.use_tool_id(4, 'flow')
    sys.monitoring.register_callback(4, sys.monitoring.events.PY_START, began)
    sys.monitoring.set_events(4, sys.monitoring.events.PY_START)


note_calls({path!r})


'''


def steps() -> list[tuple[str, str]]:
    """Of each step of the page the file and the function, in its order."""
    rows = table(read(PAGE), '', 'file', 'functions', 'what happens')
    return [(file.strip('`'), name) for _, file, names, _ in rows for name in quoted(names)]


def functions(file: Path) -> set[str]:
    """The qualified names of all functions of a file."""
    found: set[str] = set()

    def look(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                found.add(prefix + child.name)
                look(child, f'{prefix}{child.name}.')
            else:
                look(child, prefix)

    look(ast.parse(file.read_text('utf-8')), '')
    return found


@pytest.mark.parametrize('file', sorted({file for file, _ in steps()}))
def test_every_function_of_the_page_is_in_its_file(file: str) -> None:
    path = SCRIPT if file == SCRIPT.name else ROOT / file
    assert {name for of, name in steps() if of == file} - functions(path) == set()


@pytest.mark.skipif(sys.version_info < (3, 12), reason='before 3.12 calls in greenlets cannot be noted')
def test_a_post_goes_the_steps_of_the_page_in_their_order(tmp_path: Path) -> None:
    notes = tmp_path / 'calls'
    with Webhook(pack=changed_pack(tmp_path, {GUARD: NOTES.format(path=str(notes)) + GUARD})) as webhook:
        answer = patient.post(webhook.webhook_url, json={'title': 'Disk full'}, headers={'Authorization': TOKEN})
        assert answer.status_code == 200
        wanted = [name for file, name in steps() if file == SCRIPT.name]
        assert len(wanted) > 15

        def gone() -> list[str]:
            calls = iter(notes.read_text('utf-8').split())
            return [name for name in wanted if name in calls]  # in this order, for the iterator only goes on

        wait_for(lambda: gone() == wanted, 'the whole way, not only ' + ', '.join(gone()))
