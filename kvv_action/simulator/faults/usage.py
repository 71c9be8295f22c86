"""Faults in what is reported as used."""

from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.model import Fault
from kvv_action.simulator.wire import Usage


def _dropped(_: Usage, __: Call) -> None:
    return None


def _overcounted(usage: Usage, _: Call) -> Usage:
    prompt = usage["prompt_tokens"] * 3
    return {**usage, "prompt_tokens": prompt, "total_tokens": prompt + usage["completion_tokens"]}


FAULTS = (
    Fault("drops-usage", "answers without usage", "answers are scored; usage is reported as missing, probes of it fail",
          count=_dropped),
    Fault("overcounts-prompt-tokens", "reports three times the prompt tokens",
          "the probe of prompt tokens fails; scores are untouched", count=_overcounted),
)  # fmt: skip
