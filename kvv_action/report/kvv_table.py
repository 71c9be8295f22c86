"""The table of Kimi-Vendor-Verifier ("KVV") that engine teams put into their pull requests, made of a run.

A row bears the name of a suite of KVV only where that suite's own cases were sent: its schemas (`mfjs-cases` with its
suites) and its prompt-token cases. Everything else are probes of ours about the same contract, and is called so. A
column bears the name of a benchmark only where its whole pinned dataset was asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kvv_action.digits import noun
from kvv_action.report.kvv_groups import CASES, HELD, WHOLE
from kvv_action.report.markdown.escape import text
from kvv_action.report.text import number, percent
from kvv_action.schema import BenchmarkKind, BenchmarkResult, RunReport

SUITES: Mapping[str, str] = {"mfjs": "tests/tool_call_json_schema", "tokens": "tests/prompt_tokens"}
"""KVV's suites whose own cases can be sent, by the part of Pre-Verification that sends them."""
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "parameters": ("parameters",),
    "tool schemas": ("mfjs",),
    "features": ("dynamic-tools", "response-format", "thinking", "tools"),
    "prompt tokens and usage": ("tokens",),
}
"""What KVV's suites are about, and the parts of Pre-Verification that are about the same."""
OTHER = "other contracts"
CAUSES = 3
"""Causes that a row names."""
ONE_EACH = ("mfjs",)
"""Parts in which a case of KVV is a probe of its own; in the others, one probe sends all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line: what was sent, how many of it held, and what was wrong."""

    name: str
    held: int
    sent: int
    notes: str = ""
    ours: bool = True

    @property
    def cells(self) -> tuple[str, str, str]:
        figures = f"{self.held}/{self.sent}"
        name, result = (self.name, f"kvv probes {figures}") if self.ours else (f"`{self.name}`", f"**{figures}**")
        return name, result, self.notes


def kvv_table(report: RunReport) -> str:
    """Both tables as markdown: suites, then scores; empty when the run has neither."""
    parts = [
        *(_suites(result) for result in report.benchmarks if result.kind is BenchmarkKind.CONTRACT),
        _scores(report),
    ]
    found = [part for part in parts if part]
    return "\n".join([_head(report), *found]) if found else ""


def collapsed(report: RunReport) -> str:
    """The same in a summary, collapsed; empty where no case of KVV was sent, and for versions that did not have it."""
    sent = any(result.breakdowns.get(CASES) for result in report.benchmarks)
    if report.plan.checks is None or not sent or not (found := kvv_table(report)):
        return ""
    return f"<details><summary>The table of Kimi-Vendor-Verifier</summary>\n\n{found}\n</details>\n\n"


def _head(report: RunReport) -> str:
    endpoint = report.endpoint
    facts = [f"think mode {endpoint.think_mode}", f"contract {report.plan.contract}", f"tier {report.plan.tier}"]
    facts += [f"effort {endpoint.effort}"] if endpoint.effort else []
    facts += [f"kvv {report.provenance.version}", f"plan {report.plan_digest[:12]}"]
    return f"{text(endpoint.model)} at {text(endpoint.vendor)}: {text(', '.join(facts))}\n"


def _suites(result: BenchmarkResult) -> str:
    rows = [row for row in _rows(result) if row.sent]
    if not rows:
        return ""
    lines = ["| Suite | Result | Notes |", "|---|---|---|"]
    lines += [f"| {' | '.join(row.cells)} |" for row in rows]
    failed = result.counts.failed
    has, is_ = noun(failed, "probe has", "probes have"), noun(failed, "is", "are")
    lost = f"\n{number(failed)} {has} no answer and {is_} not counted.\n"
    return "\n".join(lines) + "\n" + (lost if failed else "")


def _rows(result: BenchmarkResult) -> Iterator[_Row]:
    sent, held = result.breakdowns.get(CASES, {}), result.breakdowns.get(HELD, {})
    for part, name in SUITES.items():
        if part in sent:
            notes = "; ".join(filter(None, (_share(part, sent[part]), _notes(result, (part,)))))
            yield _Row(name=name, held=held.get(part, 0), sent=sent[part], notes=notes, ours=False)
    named = {part for parts in SUBJECTS.values() for part in parts}
    others = tuple(one.name for one in result.categories if one.name not in named)
    for subject, parts in (*SUBJECTS.items(), (f"{OTHER} ({', '.join(others)})", others)):
        yield _ours(result, subject, parts)


def _share(part: str, sent: int) -> str:
    """That another number of cases was sent than the suite of KVV has; empty where it is the same."""
    return (
        ""
        if sent == WHOLE[part]
        else f"{number(sent)} {noun(sent, 'case was', 'cases were')} sent, the suite has {number(WHOLE[part])}"
    )


def _ours(result: BenchmarkResult, subject: str, parts: Sequence[str]) -> _Row:
    """Our own probes: all of a part but the cases of KVV in it."""
    found = [one for one in result.categories if one.name in parts]
    right, scored = sum(round(one.score * one.scored) for one in found), sum(one.scored for one in found)
    theirs = [part for part in parts if part in ONE_EACH]
    held, sent = (
        sum(result.breakdowns.get(group, {}).get(part, 0) for part in theirs) for group in (HELD, CASES)
    )  # fmt: skip
    return _Row(name=text(subject), held=right - held, sent=scored - sent, notes=_notes(result, parts))


def _notes(result: BenchmarkResult, parts: Sequence[str]) -> str:
    """The causes of what did not hold, the most frequent first."""
    counts: dict[str, int] = {}
    for case in result.cases:
        if case.category in parts and case.cause:
            counts[case.cause] = counts.get(case.cause, 0) + 1
    ordered = sorted(counts, key=lambda cause: (-counts[cause], cause))
    left = f"; and {len(ordered) - CAUSES} more" if len(ordered) > CAUSES else ""
    return text("; ".join(ordered[:CAUSES]) + left, 400)


def _scores(report: RunReport) -> str:
    """One row of scores, and one of what they are compared with."""
    found = [one for one in report.benchmarks if one.kind is BenchmarkKind.SCORED and one.score is not None]
    if not found:
        return ""
    rows = [
        ["Model", *map(_column, found)],
        ["---"] * (len(found) + 1),
        [text(report.endpoint.model), *(percent(one.score) for one in found)],
        ["reference", *(percent(one.reference) for one in found)],
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _column(result: BenchmarkResult) -> str:
    """The benchmark's name, where all of it was asked; else what was."""
    whole = result.dataset.pinned and result.samples == result.dataset.count
    asked = f"{number(result.counts.scored)} {noun(result.counts.scored, 'answer')}"
    return text(result.title if whole else f"kvv subset of {result.title}, {asked}")
