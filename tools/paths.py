"""What tools import of the tests and the pack, wherever a tool is started: `import tools.paths` goes before such imports."""
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# At the end: PYTHONPATH may name another script, which then goes before the pack's.
sys.path.extend(str(ROOT / folder) for folder in (
    'Tests/support', 'Tests/demistomock', 'Packs/GenericWebhook/Integrations/GenericWebhook'))
