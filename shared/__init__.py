"""What tools, tests and measurements share: the script outside a server, and what it is run, asked and seen with.

It imports the local XSOAR and the script only. An integration finds `demisto` and CommonServerPython in `demistomock`.
"""
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# At the end: PYTHONPATH may name another script, which then goes before the pack's.
sys.path.extend(str(ROOT / folder) for folder in (
    'shared/demistomock', 'Packs/GenericWebhook/Integrations/GenericWebhook', 'Packs/GenericWebhook/Scripts/GenericWebhookJoin'))
