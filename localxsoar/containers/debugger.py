"""The script in a form that a debugger can stop: each file is compiled under its own name, so that breakpoints in it bind."""
from __future__ import annotations

from pathlib import Path

from localxsoar.packs.pack import Unified

WAIT = '''import os as _os, sys as _sys
_os.environ['PYDEVD_DISABLE_FILE_VALIDATION'] = '1'  # or it warns of modules that no breakpoint will ever be in
import debugpy as _debugpy
_debugpy.listen(('127.0.0.1', {port}))
_sys.stderr.write('A debugger can attach to 127.0.0.1:{port}. The script waits for it.\\n')
_debugpy.wait_for_client()
for _name, _text in {files!r}:
    exec(compile(_text, _name, 'exec'), globals())
'''


def debuggable(script: Unified, port: int) -> Unified:
    """Return the script as one that waits for a debugger on the port, and then runs its files in the same dict."""
    lines = script.text.split('\n')
    ends = [start - 1 for start, _ in script.files[1:]] + [len(lines)]
    files = [(str(Path(file).resolve()), '\n'.join(lines[start - 1:end])) for (start, file), end in
             zip(script.files, ends, strict=True)]
    return Unified(WAIT.format(port=port, files=files), ((1, 'the debugger'),))
