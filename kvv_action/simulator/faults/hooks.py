"""Builds hooks that faults in several modules use."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.contract import ContractRule
from kvv_action.simulator.faults.model import Fault
from kvv_action.simulator.refusal import Refusal

Body = Mapping[str, Json]
Check = Callable[[Body, Profile], None]
Say = Callable[[Answer, Call], Answer]


def in_content(change: Callable[[str], str]) -> Say:
    """Changes the content of answers; answers in JSON and answers with calls stay as they are."""

    def say(answer: Answer, call: Call) -> Answer:
        if not answer.content or answer.tool_calls or call.schema is not None:
            return answer
        return replace(answer, content=change(answer.content))

    return say


def when_streamed(say: Say) -> Say:
    """Changes streamed answers only."""
    return lambda answer, call: say(answer, call) if call.stream else answer


def refuses(sent: Callable[[Body], object], reason: str) -> Check:
    """A refusal of every body for which `sent` is true."""

    def check(body: Body, _: Profile) -> None:
        if sent(body):
            raise Refusal(reason)

    return check


def of_body(holds: Callable[[Body], None]) -> Check:
    """A rule that needs no profile, as a check."""
    return lambda body, _: holds(body)


def lenient(rule: ContractRule, conclusion: str, faults: Mapping[str, tuple[str, Check]]) -> tuple[Fault, ...]:
    """Faults that waive one rule; the check of each keeps the rest of that rule.

    Args:
        rule: what is waived.
        conclusion: of every fault.
        faults: summary and check by name.
    """
    return tuple(
        Fault(name, summary, conclusion, waives=frozenset({rule}), check=check)
        for name, (summary, check) in faults.items()
    )
