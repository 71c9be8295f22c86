"""Hooks of the same making, which faults of several kinds need."""

from collections.abc import Callable, Mapping

from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.contract import ContractRule
from kvv_action.simulator.faults.model import Fault
from kvv_action.simulator.refusal import Refusal

Body = Mapping[str, Json]
Check = Callable[[Body, Profile], None]
Say = Callable[[Answer, Call], Answer]


def when_streamed(say: Say) -> Say:
    """The change in answers that are streamed, and in no others."""
    return lambda answer, call: say(answer, call) if call.stream else answer


def refuses(sent: Callable[[Body], object], reason: str) -> Check:
    """A refusal of every body of which `sent` holds."""

    def check(body: Body, _: Profile) -> None:
        if sent(body):
            raise Refusal(reason)

    return check


def of_body(holds: Callable[[Body], None]) -> Check:
    """A rule that needs no profile, as a check."""
    return lambda body, _: holds(body)


def lenient(rule: ContractRule, conclusion: str, faults: Mapping[str, tuple[str, Check]]) -> tuple[Fault, ...]:
    """Faults that waive one rule and keep the rest of it, which their check says.

    Args:
        rule: what is waived.
        conclusion: the same for all.
        faults: by name a summary and the check.
    """
    return tuple(
        Fault(name, summary, conclusion, waives=frozenset({rule}), check=check)
        for name, (summary, check) in faults.items()
    )
