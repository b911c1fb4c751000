"""The one subset that the project carries, under the name by which an integration imports it."""
from localxsoar.common.CommonServerPython import *  # noqa: F403
