"""The carried CommonServerPython under the name by which scripts import it, where this machine lacks the real one."""
from localxsoar.common.CommonServerPython import *  # noqa: F403
