"""What runs in a container before the script: a debugger, coverage, a recording of its HTTP.

The script is then compiled file by file, each under its own name, so that breakpoints and lines of coverage belong to it.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localxsoar.errors import UsageError
from localxsoar.packs.pack import Unified

DEBUGGER = '''import os as _os, sys as _sys
_os.environ['PYDEVD_DISABLE_FILE_VALIDATION'] = '1'  # or it warns of modules that no breakpoint will ever be in
import debugpy as _debugpy
_debugpy.listen(('127.0.0.1', {port}))
_sys.stderr.write('A debugger can attach to 127.0.0.1:{port}. The script waits for it.\\n')
_debugpy.wait_for_client()
'''
COVERAGE = '''import coverage as _coverage
_measured = _coverage.Coverage(auto_data=True, data_suffix=True, config_file=False, **{options!r})
_measured.set_option('run:sigterm', True)
_measured.start()
'''
# A traceback may show the last line: the secrets are in the one before it.
RECORDING = '''from importlib.util import module_from_spec as _module_from_spec, spec_from_file_location as _spec_from
_spec = _spec_from('recording', {module!r})
_recording = _module_from_spec(_spec)
_spec.loader.exec_module(_recording); _secrets = {secrets!r}
_recording.start({file!r}, {replays!r}, _secrets, {own!r}); del _secrets
'''
FILES = '''for _name, _text in {files!r}:
    exec(compile(_text, _name, 'exec'), globals())
'''


@dataclass
class Instruments:
    """What observes the scripts of a server; it may change between two commands."""
    debugger: int = 0  # the port on which a script waits for a debugger; 0: it does not wait
    coverage: dict[str, Any] = field(default_factory=dict)  # arguments of coverage.Coverage; empty: nothing is measured
    _cassette: Path | None = None
    _replays: bool = False
    _runs: Counter[str] = field(default_factory=Counter)

    def record(self, cassette: Path) -> bool:
        """Record each command from now on in a file of the folder, or replay those that it has. Return whether it has any.

        Raise UsageError if the folder cannot be made.
        """
        self._replays = any(cassette.glob('*.yaml'))
        try:
            cassette.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f'{cassette}: {error.strerror}') from None
        self._cassette, self._runs = cassette, Counter()
        return self._replays

    def prepare(self, script: Unified, command: str, secrets: Sequence[str], own: str) -> Unified:
        """Return a script with what is to run before it. A recording leaves out the secrets and requests to the `own` address."""
        preludes = [DEBUGGER.format(port=self.debugger)] if self.debugger else []
        if self.coverage:
            preludes.append(COVERAGE.format(options=self.coverage))
        if self._cassette:
            self._runs[command] += 1
            file = self._cassette / f'{command}-{self._runs[command]}.yaml'
            preludes.append(RECORDING.format(module=str(Path(__file__).with_name('recording.py')), file=str(file),
                                             replays=self._replays, secrets=list(secrets), own=own))
        return staged(script, ''.join(preludes)) if preludes else script


def staged(script: Unified, prelude: str) -> Unified:
    """Return the script as one that runs the prelude and then its files, each under its own name, in the same dict."""
    lines = script.text.split('\n')
    ends = [start - 1 for start, _ in script.files[1:]] + [len(lines)]
    files = [(str(Path(file).resolve()), '\n'.join(lines[start - 1:end])) for (start, file), end in
             zip(script.files, ends, strict=True)]
    return Unified(prelude + FILES.format(files=files), ((1, 'what observes the script'),))
