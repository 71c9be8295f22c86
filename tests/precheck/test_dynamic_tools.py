"""The suite `dynamic-tools`: what each fault breaks, and judgements of made-up answers."""

from pathlib import Path

import pytest

from benchmarks.precheck.calls import ARGUMENTS_WRONG, NEVER_CALLED, UNKNOWN_TOOL
from benchmarks.precheck.probe import Probe
from benchmarks.precheck.suites.dynamic_tools import (
    BAD,
    DYNAMIC_REFUSED,
    DYNAMIC_UNCHECKED,
    FORCED_UNMADE,
    NOT_OFFERED,
    REQUEST_FORGOTTEN,
    RESULT_UNTIED,
    probes,
)
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles import loader
from kvv_action.schema import Completion, Exchange, Rejection, ToolCall
from kvv_action.simulator.faults import dynamic_tools
from tests.precheck.expectation import Broken, assert_broken

OFFERED = (
    "first",
    "mid-history",
    "several-messages",
    "nested-schema",
    "not-strict",
    "beside-request",
    "required",
    "required-beside-request",
    "last-message",
    "three-in-one",
)
FORCED = ("required", "required-beside-request", "last-message")
UNOFFERED = {f"dynamic-tools.{name}.*": FORCED_UNMADE if name in FORCED else NOT_OFFERED for name in OFFERED}
FAULTS = {
    "ignores-dynamic-tools": Broken(causes=UNOFFERED),
    "knows-no-dynamic-tools": Broken(
        causes={**UNOFFERED, **{f"dynamic-tools.refuses-{name}*": DYNAMIC_UNCHECKED for name in BAD}}
    ),
    "forgets-request-tools": Broken(causes={"dynamic-tools.request-beside.*": REQUEST_FORGOTTEN}),
    "reads-dynamic-tools-at-the-start-only": Broken(
        causes={
            **{f"dynamic-tools.{name}.*": NOT_OFFERED for name in ("mid-history", "several-messages")},
            "dynamic-tools.last-message.*": FORCED_UNMADE,
        }
    ),
    "refuses-dynamic-tools": Broken(
        causes={f"dynamic-tools.{name}.*": DYNAMIC_REFUSED for name in (*OFFERED, "request-beside")},
        undecided=tuple(f"dynamic-tools.refuses-{name}*" for name in BAD),
    ),
    "accepts-tools-in-user-message": Broken(causes={"dynamic-tools.refuses-in-other-roles*": DYNAMIC_UNCHECKED}),
    "accepts-tools-beside-content": Broken(causes={"dynamic-tools.refuses-with-content*": DYNAMIC_UNCHECKED}),
    "accepts-malformed-dynamic-tools": Broken(
        causes={f"dynamic-tools.refuses-{name}*": DYNAMIC_UNCHECKED for name in ("malformed", "unknown-types")}
    ),
    "accepts-bad-tool-names": Broken(causes={"dynamic-tools.refuses-bad-names*": DYNAMIC_UNCHECKED}),
    "accepts-duplicate-tool-names": Broken(causes={"dynamic-tools.refuses-same-names*": DYNAMIC_UNCHECKED}),
    "accepts-tool-result-without-id": Broken(causes={"dynamic-tools.refuses-result-without-id": RESULT_UNTIED}),
}


def test_every_fault_is_in_the_table() -> None:
    """A fault without an expectation proves nothing."""
    assert {fault.name for fault in dynamic_tools.FAULTS} == set(FAULTS)


@pytest.mark.pipeline
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_breaks_its_probes_alone(fault: str, tmp_path: Path) -> None:
    """Exactly the expected probes fail, each with its cause."""
    assert_broken(tmp_path / "out", fault, FAULTS[fault])


def chosen(name: str) -> Probe:
    """One probe of the suite."""
    return {probe.id: probe for probe in probes(loader.load("kimi-k3"), Options())}[f"dynamic-tools.{name}"]


def called(name: str, arguments: str) -> Exchange:
    """An answer with one call."""
    call = ToolCall(id=f"functions.{name}:0", name=name, arguments=arguments)
    return Exchange(call=0, completion=Completion(content="", tool_calls=(call,), finish_reason="tool_calls"))


def said(content: str) -> Exchange:
    """An answer in text."""
    return Exchange(call=0, completion=Completion(content=content, finish_reason="stop"))


def refusal(status: int = 400) -> Exchange:
    """A refusal."""
    return Exchange(call=0, rejection=Rejection(status=status, message="no", body="no"))


@pytest.mark.parametrize("profile", ["kimi-k2.5", "kimi-k2.7", "kimi-k2-0905"])
def test_other_models_are_not_asked(profile: str) -> None:
    """Only profiles with the contract have the suite."""
    assert not list(probes(loader.load(profile), Options()))


def test_the_called_tool_must_be_the_one_asked_for() -> None:
    """Any other tool, or other arguments, is a slip; three are a defect."""
    judge = chosen("several-messages.streamed").judge
    assert judge([called("get_rate", '{"currency":"SEK"}')]).value == 1
    assert judge([called("get_stock", '{"article":"SEK"}')] * 3).cause == NOT_OFFERED.cause
    assert judge([called("get_rate", '{"currency":"EUR"}')] * 3).cause == ARGUMENTS_WRONG.cause
    assert judge([called("get_weather", '{"city":"Oslo"}')]).cause == UNKNOWN_TOOL.cause
    assert judge([said("I cannot know.")] * 3).cause == NOT_OFFERED.cause
    assert judge([said("I cannot know."), called("get_rate", '{"currency":"SEK"}')]).value == 1


def test_tools_of_the_request_have_their_own_cause() -> None:
    """What the request offers is not a dynamic tool."""
    score = chosen("request-beside.streamed").judge([said("I cannot know.")] * 3)
    assert score.cause == REQUEST_FORGOTTEN.cause != NEVER_CALLED.cause


def test_a_refusal_needs_its_control() -> None:
    """Accepted control and every case refused: holds. One accepted: broken, and named."""
    judge = chosen("refuses-in-other-roles").judge
    assert judge([said("7"), said("7"), refusal(), refusal(422)]).value == 1
    score = judge([said("7"), said("7"), refusal(), said("7")])
    assert score.cause == DYNAMIC_UNCHECKED.cause
    assert "an assistant message" in score.explanation
    assert "a user message" not in score.explanation


@pytest.mark.parametrize(
    "exchanges",
    [
        [],
        [said("7")],
        [refusal()] * 4,
        [said("7"), refusal(), refusal(), refusal()],
        [refusal(), said("7"), refusal(), refusal()],
        [said("7"), said("7"), refusal(), refusal(404)],
        [said("7"), said("7"), refusal(413), refusal()],
    ],
)
def test_refusals_that_prove_nothing(exchanges: list[Exchange]) -> None:
    """A refused control, another status, or no answer."""
    with pytest.raises(Undecided):
        chosen("refuses-in-other-roles").judge(exchanges)
