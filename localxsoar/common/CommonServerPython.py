"""The part of CommonServerPython that the local XSOAR carries: its parts, in the order in which they come before a script.

They have the documented names and behaviour. A real server puts the text of the whole file before the integration's script;
the local XSOAR puts the texts of these parts there instead, and unit tests import this module. It is a subset on purpose:
FACTS.md says what is in it, and REFERENCE.md how the whole file is used instead.
"""
from localxsoar.common.base import *
from localxsoar.common.base import __line__ as __line__
from localxsoar.common.arguments import *
from localxsoar.common.dates import *
from localxsoar.common.markdown import *
from localxsoar.common.indicators import *
from localxsoar.common.results import *
from localxsoar.common.http import *
from localxsoar.common.xsiam import *
from localxsoar.common.mirroring import *
from localxsoar.common.iam import *
