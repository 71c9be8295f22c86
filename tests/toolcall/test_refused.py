"""Requests that the official endpoint refuses as well: counted, and left out on both sides."""

from pathlib import Path

import orjson
import pytest

from benchmarks.toolcall.k2vv import refusable
from kvv_action.schema import Json, Verdict
from tests.toolcall.harness import bundled, demo, local

CALL = {"id": "functions.a:0", "type": "function", "function": {"name": "a", "arguments": "{}"}}
TOOLS = [{"type": "function", "function": {"name": "a", "parameters": {"type": "object", "properties": {}}}}]


def request(*, reasoning: str = "", choice: Json = None, history: bool = True, number: int = 0) -> dict[str, Json]:
    """A request as K2VV stores it."""
    turn = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    turn = {**turn, "reasoning_content": reasoning} if reasoning else turn
    tool = {"role": "tool", "tool_call_id": "functions.a:0", "content": f"result {number}"}
    before = [turn, tool] if history else []
    messages = [{"role": "user", "content": f"Question {number}"}, *before]
    body = {"model": "m", "messages": messages, "tools": TOOLS}
    return body if choice is None else {**body, "tool_choice": choice}


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (request(), "a tool turn of the history has no reasoning"),
        (request(reasoning="I ask a."), ""),
        (request(reasoning="I ask a.", choice="required"), "a call is forced while the model thinks"),
        (request(history=False, choice={"type": "function", "function": {"name": "a"}}), "a call is forced while the"),
        (request(history=False, choice="auto"), ""),
        (request(history=False), ""),
    ],
)
def test_what_the_official_endpoint_refuses(sent: dict[str, Json], reason: str) -> None:
    """By the request's own property."""
    assert refusable(sent).startswith(reason) if reason else refusable(sent) == ""


@pytest.mark.parametrize(
    ("options", "refuses"),
    [({"profile": "kimi-k2.6"}, True), ({"profile": "kimi-k3"}, False), ({"profile": "kimi-k2-thinking"}, False)],
)
def test_only_models_that_are_refused_so_while_thinking(options: dict[str, str], refuses: bool, tmp_path: Path) -> None:
    """K3 takes both, and the published runs of K2 were made with such requests; a prompt of ours is never refused."""
    path = tmp_path / "requests.jsonl"
    path.write_bytes(orjson.dumps(request()) + b"\n")
    assert bool(local(path, **options).samples[0].refusable) is refuses
    assert not local(path, toolcall_mode="completions", **options).samples[0].refusable


@pytest.mark.parametrize("profile", ["kimi-k2.5", "kimi-k2.6", "kimi-k2.7", "kimi-k3"])
def test_the_bundled_samples_can_be_passed(profile: str) -> None:
    """Histories hold their reasoning, and no call is forced."""
    assert not [sample.id for sample in bundled(profile=profile).samples if sample.refusable]


@pytest.mark.pipeline
@pytest.mark.parametrize("tier", ["smoke", "full"])
def test_a_vendor_like_the_official_one_passes(tier: str, tmp_path: Path) -> None:
    """Nothing of the bundled samples is refused."""
    result = demo(tmp_path / "out", "refuses-as-official", profile="kimi-k2.6", tier=tier)
    assert result.verdict is Verdict.PASS
    assert (result.counts.refused, result.counts.failed) == (0, 0)
    assert "refused_as_officially" not in result.metrics


@pytest.fixture
def mixed(tmp_path: Path) -> dict[str, str]:
    """Six requests: two without reasoning, one forced, three that must be answered; the reference called in all."""
    rows = [request(number=1), request(number=2), request(reasoning="r", choice="required", number=3)]
    rows += [request(reasoning="r", number=number) for number in (4, 5, 6)]
    path, reference = tmp_path / "requests.jsonl", tmp_path / "official.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    results = (
        {"data_index": number, "request": row, "status": "success", "finish_reason": "tool_calls"}
        for number, row in enumerate(rows, 1)
    )
    reference.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in results))
    return {"dataset": f"toolcall={path}", "reference": str(reference), "profile": "kimi-k2.6"}


@pytest.mark.pipeline
def test_refusals_are_counted_apart(mixed: dict[str, str], tmp_path: Path) -> None:
    """sent = scored + failed + refused; F1 is of what was answered, and no failure is told."""
    result = demo(tmp_path / "out", "refuses-as-official", **mixed)
    counts, metrics = result.counts, result.metrics
    assert (counts.sent, counts.scored, counts.failed, counts.refused) == (6, 3, 0, 3)
    assert (metrics["tool_call_f1"], metrics["tp"], metrics["fn"]) == (1.0, 3, 0)
    assert metrics["refused_as_officially"] == 3
    assert result.breakdowns["refused_as_officially"] == {
        "a tool turn of the history has no reasoning": 2,
        "a call is forced while the model thinks": 1,
    }
    assert not result.failures
    assert result.bounds == (1.0, 1.0) or result.bounds is None


@pytest.mark.pipeline
def test_other_refusals_gain_nothing(mixed: dict[str, str], tmp_path: Path) -> None:
    """What must be answered and is refused has failed, whatever its status."""
    result = demo(tmp_path / "out", "refuses-tools", **mixed)
    assert (result.counts.failed, result.counts.refused) == (3, 3)


@pytest.mark.pipeline
def test_a_run_that_goes_on_does_not_ask_again(mixed: dict[str, str], tmp_path: Path) -> None:
    """A refusal stands, as an answer does."""
    first = demo(tmp_path / "out", "refuses-as-official", **mixed)
    lines = (tmp_path / "out" / "journal.jsonl").read_bytes().count(b"\n")
    again = demo(tmp_path / "out", "refuses-as-official", **mixed)
    assert again.counts == first.counts
    assert (tmp_path / "out" / "journal.jsonl").read_bytes().count(b"\n") <= lines + 2
