"""Whole runs of BEAM: the embedded vendor answers and judges, each fault leads to its own conclusion."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from entrypoint.commands import audit
from entrypoint.compose import run_verification
from entrypoint.console import QuietObserver
from entrypoint.prepare import Demonstration, prepare
from entrypoint.settings import load
from kvv_action.errors import UsageError
from kvv_action.journal.file import Reader
from kvv_action.schema import JUDGE, BenchmarkResult, RunReport

FORGOTTEN = {f"{name}-{ability}-0" for name in ("garden", "workshop") for ability in (
    "event_ordering", "information_extraction", "knowledge_update", "multi_session_reasoning",
)}  # fmt: skip
DROPPED = {f"{name}-{ability}-0" for name in ("garden", "workshop") for ability in (
    "contradiction_resolution", "event_ordering", "information_extraction", "instruction_following",
    "multi_session_reasoning",
)}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a fault leads to."""

    verdict: str
    wrong: frozenset[str] = frozenset()
    causes: tuple[str, ...] = ()
    judge: str = ""


FAULTS = {
    "prefix-cache-off": Expected(verdict="pass"),
    "forgets-middle": Expected(verdict="fail", wrong=frozenset(FORGOTTEN), causes=("middle-forgotten",)),
    "truncates-history": Expected(verdict="fail", wrong=frozenset(DROPPED), causes=("history-truncated",)),
    "judge-down": Expected(verdict="inconclusive", judge="the judge is out of order"),
    "judge-garbled": Expected(verdict="inconclusive", judge="the judge's reply has no score of 0, 0.5 or 1"),
    "judge-lenient": Expected(verdict="inconclusive", judge="the judge cannot be trusted"),
}


def demo(out: Path, *faults: str, **settings: Any) -> RunReport:
    """A demonstration of BEAM alone."""
    chosen = {"profile": "kimi-k3", "benchmarks": "beam", "precheck": "off", "out": str(out), "retry_attempts": "1"}
    return run_verification(
        load({**chosen, **settings}), QuietObserver(), demonstration=Demonstration(faults=faults)
    )  # fmt: skip


def wrong_in(result: BenchmarkResult) -> set[str]:
    """Samples without the full value."""
    return {case.id for case in result.cases if case.outcome not in ("right", "failed")}


def test_a_right_vendor_passes_and_an_audit_needs_no_judge(tmp_path: Path) -> None:
    """Every answer is right by both rules; scores are reached again from the journal, which holds no conversation."""
    report = demo(tmp_path)
    (result,) = report.benchmarks
    assert (report.verdict, result.score, result.counts.scored) == ("pass", 1.0, 20)
    assert (result.metrics["judge_repeated"], result.metrics["judge_agreement"]) == (4, 1.0)
    assert {category.name for category in result.categories} == {one.partition("-")[2][:-2] for one in _ids(tmp_path)}
    assert report.usage.requests == 20
    lines = [line for line in Reader(tmp_path / "journal.jsonl") if line["kind"] in ("answer", "observation")]
    assert sum(line.get("endpoint") == JUDGE for line in lines) == result.metrics["judgements"] + 8
    assert b"Somebody left a wheelbarrow" not in (tmp_path / "journal.jsonl").read_bytes()
    assert audit.main([str(tmp_path)]) == 0
    for scoring in ("paper", "pairwise"):
        assert demo(tmp_path / scoring, beam_scoring=scoring).benchmarks[0].score == 1.0
        assert audit.main([str(tmp_path / scoring)]) == 0


def _ids(out: Path) -> set[str]:
    return {line["sample"] for line in Reader(out / "journal.jsonl") if line["kind"] == "score"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leads_to_its_conclusion(fault: str, tmp_path: Path) -> None:
    """The vendor's faults are wrong answers with their cause; the judge's are none of the vendor's."""
    report, expected = demo(tmp_path, fault), FAULTS[fault]
    (result,) = report.benchmarks
    assert (str(report.verdict), wrong_in(result)) == (expected.verdict, expected.wrong)
    assert tuple(found.cause_id for found in result.diagnosis) == expected.causes
    assert [failure.kind for failure in result.failures] == ["judge"] * bool(expected.judge)
    assert expected.judge in str([failure.example for failure in result.failures])
    if expected.wrong:
        assert result.score == 1 - len(expected.wrong) / 20
        assert result.metrics["score_evidence_end"] == 1.0
        assert result.metrics["score_evidence_middle"] < 0.5
    assert audit.main([str(tmp_path)]) == 0


def test_the_cache_of_the_endpoint_is_told_by_length(tmp_path: Path) -> None:
    """Of each conversation all but the first question finds the history cached; without a cache nothing is."""
    found = [demo(tmp_path / fault, *[fault] * bool(fault)).benchmarks[0].metrics for fault in ("", "prefix-cache-off")]
    with_cache, without = (metrics["cached_share_length_up_to_64k"] for metrics in found)
    asked = [line for line in Reader(tmp_path / "journal.jsonl") if line["kind"] == "answer" and "endpoint" not in line]
    cached = [line["completion"]["usage"]["prompt_tokens_details"]["cached_tokens"] for line in asked]
    assert sorted(cached)[:2] == [0, 0]
    assert min(sorted(cached)[2:]) > 700
    assert 0.75 < with_cache < 0.9
    assert without == 0.0
    assert all("first_token_seconds_length_up_to_64k" in metrics for metrics in found)


def test_questions_of_a_conversation_follow_one_another(tmp_path: Path) -> None:
    """So a prefix cache serves them: no question is sent before the answer to the one before is there and judged."""
    demo(tmp_path)
    sent: dict[str, list[str]] = {"garden": [], "workshop": []}
    for line in Reader(tmp_path / "journal.jsonl"):
        if line["kind"] in ("answer", "score"):
            sent[line["sample"].partition("-")[0]].append(line["sample"])
    for samples in sent.values():
        assert list(dict.fromkeys(samples)) == [one for one, before in zip(samples, ["", *samples], strict=False)
                                                if one != before]  # fmt: skip


def test_a_changed_fitting_is_no_evidence(tmp_path: Path) -> None:
    """Who scores again holds the journal's digest of what was sent against the dataset."""
    demo(tmp_path)
    samples = tmp_path / "mine.jsonl"
    bundled = Path("benchmarks/beam/samples/samples.jsonl").read_bytes()
    samples.write_bytes(bundled.replace(b"twelve metres long", b"thirteen metres long"))
    assert audit.main([str(tmp_path), "--dataset", f"beam={samples}"]) == 1


def test_without_a_judge_nothing_is_asked(tmp_path: Path) -> None:
    """Who names BEAM must name a judge; else it is left out and says why. A plan needs none, and has its cost."""
    chosen = {"profile": "kimi-k3", "base_url": "http://127.0.0.1:1/v1", "model": "m", "dataset": "beam=bundled"}
    with pytest.raises(UsageError, match=r"judge-base-url: Required, with judge-model: another model judges"):
        prepare(load({**chosen, "benchmarks": "beam"}))
    left = prepare(load({**chosen, "tier": "full", "dataset": LOCAL}))
    assert "judge-base-url" in next(item.planned.skip for item in left.loaded if item.planned.id == "beam")
    with pytest.raises(UsageError, match="judge-model: Required beside judge-base-url"):
        prepare(load({**chosen, "benchmarks": "beam", "judge_base_url": "http://127.0.0.1:2/v1"}))


LOCAL = "\n".join(f"{name}=bundled" for name in ("ocrbench", "mmmu_pro", "aime2025", "toolcall", "swebench", "beam"))


def test_a_conversation_never_splits_over_shards(tmp_path: Path) -> None:
    """Each shard asks whole conversations, and together they ask all."""
    settings = {"profile": "kimi-k3", "benchmarks": "beam", "precheck": "off", "out": str(tmp_path)}
    hands = []
    for number in (1, 2):
        prepared = prepare(load({**settings, "shard": f"{number}/2"}), Demonstration())
        hands.append({name.partition("-")[0] for name in prepared.loaded[0].mine or ()})
    assert sorted(map(sorted, hands)) == [["garden"], ["workshop"]]


def test_the_journal_keeps_what_was_sent_as_a_digest(tmp_path: Path) -> None:
    """The fitting of each question: where it begins, its tokens, its SHA-256."""
    demo(tmp_path)
    seen = [line["data"] for line in Reader(tmp_path / "journal.jsonl") if line["kind"] == "observation"]
    assert {(one["start"], one["sent"], one["counted"]) for one in seen} == {(0, 32, False)}
    assert len({one["sha256"] for one in seen}) == 2
    assert orjson.loads((tmp_path / "report.json").read_bytes())["plan"]["choices"][JUDGE]["model"] == "kimi-k3"
