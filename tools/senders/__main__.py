"""Check the folders of senders and write everything that is made of them: `./dev senders`.

With the name of a sender, also print what its incidents look like, and what is still missing in its folder. With --new, make
a folder from a recipe that the page of the local XSOAR has saved.
"""
from __future__ import annotations

import argparse
import sys
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

from localxsoar.errors import UsageError
from shared import ROOT
from tools.senders.folders import Wrong, read_folders
from tools.senders.written import EMPTY, SCRIPT, files_of, replaced


def main(arguments: list[str]) -> None:
    """Do what the command line asks for. Exit with status 1 and one line for each fault if the folders are wrong."""
    parser = argparse.ArgumentParser(prog='./dev senders', description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('sender', nargs='?', help='a folder in senders/')
    parser.add_argument('recipe', nargs='?', type=Path, help='after --new: a recipe that the page has saved')
    parser.add_argument('--new', action='store_true', help='make the folder from the recipe')
    parser.add_argument('--root', type=Path, default=ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        if options.new:
            make_new(options.root, options.sender, options.recipe)
            return
        write(options.root)
        if options.sender:
            show(options.root, options.sender)
    except (Wrong, UsageError) as error:
        sys.exit(str(error))


def write(root: Path) -> None:
    """Write what is not as the folders say, and print what changed. Raise Wrong, having written nothing, if they are wrong."""
    folders = read_folders(root)
    source = (root / SCRIPT).read_text('utf-8')
    use_script(replaced(source, EMPTY, SCRIPT))  # its grammar, whatever its tables are
    from tools.senders.checks import shape_faults
    if faults := [*shape_faults(folders)]:
        raise Wrong(faults)
    files = files_of(root, folders)
    use_script(files.get(SCRIPT) or source)
    from tools.senders.checks import row_faults
    if faults := [*row_faults(folders)]:
        raise Wrong(faults)
    for file, text in files.items():
        if text is None:
            (root / file).unlink()
        else:
            (root / file).write_text(text, 'utf-8')
        print(f'{"removed" if text is None else "wrote"} {file}')
    if not files:
        print('Everything is as the folders of senders say.')


def use_script(source: str) -> None:
    """Make this text of the script the module that all who import it get from now on."""
    for name in ('GenericWebhook', 'shared.app', 'tools.names.table', 'tools.senders.checks'):
        sys.modules.pop(name, None)
    spec = spec_from_loader('GenericWebhook', loader=None)
    assert spec
    module = module_from_spec(spec)
    sys.modules['GenericWebhook'] = module
    exec(compile(source, SCRIPT, 'exec'), module.__dict__)


def show(root: Path, name: str) -> None:
    """Print the incidents of a sender, and what is missing in its folder."""
    from tools.names import table as names_table
    from tools.senders.checks import late_time, unfound_paths
    from tools.senders.missing import missing, to_expect
    folder = read_folders(root).get(name)
    if not folder:
        raise UsageError(f'There is no folder senders/{name}. To make it from a saved recipe: ./dev senders --new {name} FILE')
    deliveries = [*names_table.all_landed([folder.sender])]
    for landed in deliveries:
        print('\n'.join(names_table.lines(landed)))
    late = [late_time(folder, landed.delivery) for landed in deliveries]
    told = [incident for landed in deliveries for incident in (landed.told, *landed.others_told)]
    expect = to_expect(folder, [landed.told for landed in deliveries], late)
    for text in (*expect, *unfound_paths(folder), *missing(folder, told)):
        print(f'missing: {text}')


def make_new(root: Path, name: str | None, file: Path | None) -> None:
    """Make a folder from a saved recipe."""
    from tools.senders.missing import new_folder
    if not name or not file:
        raise UsageError('--new needs the name of the folder and a saved recipe: ./dev senders --new acme acme-new.json')
    print(f'made {new_folder(root, name, file)}. Fill in what is marked FILL IN, then run ./dev senders {name}.')


if __name__ == '__main__':
    main(sys.argv[1:])
