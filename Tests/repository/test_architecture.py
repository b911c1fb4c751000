"""Holds the rules of the layout that no linter knows: who talks to the server, what uses what, who imports what."""

import ast
import functools
import re
import sys
from pathlib import Path

import pytest
from documents import IN_THE_IMAGE
from imports import PLATFORM, circle, imported_modules
from local_xsoar import ROOT
from tools import code_lines
from tools.tree import own_files
from shared.webhook import SCRIPT

pytestmark = pytest.mark.sockets

SAYS_TO_THE_SERVER = {'demisto', 'return_error', 'return_results', 'show_health'}
OWNERS = {'ServerLine', 'show_health'}


@functools.cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text('utf-8'))


def stray_uses_of_demisto(tree: ast.Module) -> list[int]:
    """Lines that use demisto, or what says something by it, outside of OWNERS, of MAIN, and of a start that fails."""
    main = min((node.lineno for node in tree.body if is_heading(node, 'MAIN')), default=sys.maxsize)
    owners: list[ast.AST] = [
        node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in OWNERS]
    owners += [handler for node in tree.body if isinstance(node, ast.Try) for handler in node.handlers]
    owned = {id(node) for owner in owners for node in ast.walk(owner)}
    return [node.lineno for node in ast.walk(tree)
            if isinstance(node, ast.Name) and node.id in SAYS_TO_THE_SERVER and id(node) not in owned and node.lineno < main]


def is_heading(node: ast.stmt, text: str) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and str(node.value.value).strip() == text


def test_only_the_server_line_and_main_use_demisto() -> None:
    assert stray_uses_of_demisto(tree_of(SCRIPT)) == []


@pytest.mark.parametrize(('source', 'lines'), [
    ('def receive():\n    demisto.info("x")', [2]), ('log = demisto.info', [1]),
    ('class ServerLine:\n    def f(self): demisto.info("x")\nclass Other:\n    f = demisto.info', [4]),
    ('""" COMMANDS """\ndef serve(): demisto.info("x")', [2]),
    ('def receive():\n    return_error("x")\n    return_results("x")', [2, 3]),
    ('def show_health(text):\n    demisto.updateModuleHealth(text)\ndef receive():\n    show_health("x")', [4]),
    ('""" MAIN """\ndef main(): return_results(demisto.params())', []),
])
def test_the_rule_about_demisto_finds_what_it_is_for(source: str, lines: list[int]) -> None:
    assert stray_uses_of_demisto(ast.parse(source)) == lines


def plain_comparisons_of_secrets(tree: ast.Module) -> list[str]:
    """Each comparison of a token or a digest whose time tells how much of it was right, as `function: expression`."""
    return [f'{function.name}: {ast.unparse(node)}' for function in ast.walk(tree) if isinstance(function, ast.FunctionDef)
            for node in ast.walk(function) if isinstance(node, ast.Compare)
            and any(isinstance(how, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for how in node.ops)
            and any(is_secret(each) for each in (node.left, *node.comparators))]


def is_secret(node: ast.expr) -> bool:
    """By its own name, or that of what is called or whose value it is.

    `token.value`, `settings.token.decode()` and `made.hexdigest()` are, `len(token)` is not.
    """
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and (is_secret(node.func) or is_secret(node.func.value))
    if isinstance(node, ast.Attribute) and node.attr == 'value' and is_secret(node.value):
        return True
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ''
    return re.fullmatch('token|(hex)?digests?|signatures?|signed', name) is not None


def test_secrets_are_compared_in_constant_time() -> None:
    assert plain_comparisons_of_secrets(tree_of(SCRIPT)) == [
        "result_of_test: b'||' in token.value",  # with the form's own separator
    ]


def test_the_rule_about_secrets_finds_what_it_is_for_and_nothing_else() -> None:
    compared = ['request.token.value in spellings', 'settings.token != shown', 'shown == settings.token.decode()',
                'made.digest() in self.digests', 'shown not in digests', 'made.hexdigest() == shown', 'each == token']
    others = ['hmac.compare_digest(shown, settings.token)', 'len(settings.token) < 16', "'.' not in delivery_id"]
    source = ''.join(f'def f():\n    return any({comparison} for each in spellings)\n' for comparison in compared + others)
    assert plain_comparisons_of_secrets(ast.parse(source)) == [f'f: {comparison}' for comparison in compared]


def sections(tree: ast.Module) -> dict[str, list[ast.stmt]]:
    """The statements under each heading, in the order of the file."""
    found: dict[str, list[ast.stmt]] = {'': []}
    for node in tree.body[1:]:  # the first is the docstring
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[str(node.value.value).strip()] = []
        else:
            found[list(found)[-1]].append(node)
    return found


def defined_names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}


def uses_of_what_stands_below(tree: ast.Module) -> list[str]:
    """Each use of a name that a later section defines, as `line: name`."""
    below = {name: place for place, nodes in enumerate(sections(tree).values()) for node in nodes for name in defined_names(node)}
    return [f'{name.lineno}: {name.id}' for place, nodes in enumerate(sections(tree).values()) for node in nodes
            for name in ast.walk(node) if isinstance(name, ast.Name) and below.get(name.id, 0) > place]


def test_each_section_of_the_script_uses_only_those_above_it() -> None:
    tree = tree_of(SCRIPT)
    assert len(sections(tree)) > 10
    assert uses_of_what_stands_below(tree) == []


def test_the_rule_about_sections_finds_what_it_is_for() -> None:
    source = '"""Docstring."""\n"""ONE"""\ndef f(): return g()\n"""TWO"""\ndef g(): return f()'
    assert uses_of_what_stands_below(ast.parse(source)) == ['3: g']


def test_every_function_of_the_script_says_what_it_does() -> None:
    functions = [node for node in ast.walk(tree_of(SCRIPT)) if isinstance(node, ast.FunctionDef)]
    silent = {node.name for node in functions if not ast.get_docstring(node) and len(node.body) > 1}
    assert silent <= {'__init__', 'start_response'}  # the class says it, and PEP 3333


def test_the_script_uses_no_private_name_of_others() -> None:
    names = {node.attr for node in ast.walk(tree_of(SCRIPT)) if isinstance(node, ast.Attribute)}
    assert {name for name in names if name.startswith('_') and not name.endswith('__')} == {'_exit'}  # documented, of os


def test_the_script_imports_only_what_its_container_has() -> None:
    imported = set(imported_modules(tree_of(SCRIPT)))
    assert imported <= {*sys.stdlib_module_names, *IN_THE_IMAGE, *PLATFORM}


REACHES_OUT = re.compile(r'(request|client|subprocess|asyncio|ftplib|smtplib|imaplib|poplib|webbrowser|xmlrpc|ssl)')
CONNECTS_OR_STARTS = re.compile(r'connect(_ex)?|create_connection|sendto|system|(popen|exec|spawn[lv]|posix_spawn|fork).*')


def test_the_script_requests_no_address_and_starts_no_program() -> None:
    nodes = list(ast.walk(tree_of(SCRIPT)))
    imported = {f'{node.module}.{alias.name}' for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    imported |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert {name for name in imported if any(map(REACHES_OUT.fullmatch, name.split('.')))} == {'bottle.request'}
    assert not {node.attr for node in nodes if isinstance(node, ast.Attribute) and CONNECTS_OR_STARTS.fullmatch(node.attr)}


def test_the_local_xsoar_knows_no_integration_by_name() -> None:
    texts = {file: file.read_bytes().lower() for file in own_files('localxsoar/*.py') + own_files('localxsoar/*.md')}
    assert texts
    assert [file.name for file, text in texts.items() if b'genericwebhook' in text or b'generic webhook' in text] == []


# The top folders from the lowest to the highest, each with those that it may import from.
BELOW: dict[str, set[str]] = {
    'receiver': set(), 'Packs': set(), 'localxsoar': set(), 'docker': set(),
    'shared': {'Packs', 'localxsoar'},
    'tools': {'Packs', 'localxsoar', 'shared'}, 'bench': {'Packs', 'localxsoar', 'shared'},
    'Tests': {'Packs', 'localxsoar', 'shared', 'tools'},
}
# Folders on the path: their modules are imported by name alone. What the platform offers belongs to none of them.
ON_THE_PATH = {'Packs': ('Packs', 'Packs/*/Integrations/*', 'Packs/*/Scripts/*'), 'Tests': ('Tests', 'Tests/support')}


@functools.cache
def homes() -> dict[str, str]:
    """Return the top folder of each name that an import may begin with."""
    alone = {file.stem: top for top, folders in ON_THE_PATH.items() for folder in folders for file in ROOT.glob(f'{folder}/*.py')}
    return alone | {top: top for top in BELOW}


def top_of(file: Path) -> str:
    """Return the top folder of a file. Tests that lie beside the pack are tests."""
    is_test = file.name.endswith('_test.py') or file.name == 'conftest.py'
    return 'Tests' if is_test else file.relative_to(ROOT).parts[0]


def imports_from(top: str) -> dict[str, set[str]]:
    """Return from which other top folders each file of this one imports, without files that import from none."""
    found = {str(file.relative_to(ROOT)): {homes()[name] for name in imported_modules(tree_of(file)) if name in homes()} - {top}
             for file in own_files('*/*.py') if top_of(file) == top}
    return {file: others for file, others in found.items() if others}


@pytest.mark.parametrize('top', BELOW)
def test_a_top_folder_imports_only_from_those_below_it(top: str) -> None:
    assert {file: others - BELOW[top] for file, others in imports_from(top).items() if others - BELOW[top]} == {}


def test_every_top_folder_with_python_has_its_place_and_none_is_above_itself() -> None:
    assert {top_of(file) for file in own_files('*/*.py')} == {*BELOW}
    assert circle(BELOW) == []


def test_what_is_imported_by_its_name_alone_is_found_in_its_folder() -> None:
    assert imports_from('Tests')['Tests/conftest.py'] == {'Packs', 'shared'}
    assert [homes()[name] for name in ('clocks', 'GenericWebhook', 'tools')] == ['Tests', 'Packs', 'tools']


def test_a_line_of_code_is_no_docstring_heading_comment_or_blank_line() -> None:
    source = ("''' ONE '''\n\ndef f():\n    'Docstring.'\n    # a comment\n    return '''\n\n    text'''\n"
              "async def g(): ...\nSENDERS = '''\na\n'''")
    assert code_lines.sections(source) == {'ONE': (9, 4, 2), 'rows of SENDERS': (3, 3, 0)}
