"""Faults in usage."""

from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.model import Fault
from kvv_action.simulator.wire import Usage, counting


def _dropped(_: Usage, __: Call) -> None:
    return None


def _overcounted(usage: Usage, _: Call) -> Usage:
    return counting(usage, prompt_tokens=usage["prompt_tokens"] * 3)


FAULTS = (
    Fault("drops-usage", "answers without usage", "answers are scored; usage is reported as missing, probes of it fail",
          count=_dropped),
    Fault("overcounts-prompt-tokens", "reports three times the prompt tokens",
          "the probe of prompt tokens fails; scores are untouched", count=_overcounted),
)  # fmt: skip
