"""summary.md: the verdict first, hostile text harmless, never too large."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from entrypoint.settings import ours
from kvv_action.report.markdown import BUDGET, summary, text
from kvv_action.schema import BenchmarkKind, BenchmarkResult, Case, DatasetInfo, Outcome, RunReport, RunState, Verdict
from kvv_action.settings import option_name
from tests.report.reports import EVIL, HOSTILE, PLAN, PLANNED, PROBES, REPORT, RESULT, hostile, with_result

Settings = ours().model


def tokens(markdown: str) -> Iterator[Token]:
    """What a CommonMark reader with tables makes of it, inline tokens included."""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown):
        yield token
        yield from token.children or ()


def shape(markdown: str) -> list[str]:
    """The structure of a text without its words."""
    return [
        token.type + (token.content if token.type.startswith("html") else "")
        for token in tokens(markdown)
        if token.type != "text"
    ]


def test_the_verdict_is_the_first_line() -> None:
    """With model and vendor."""
    assert summary(REPORT).splitlines()[0] == "## ❌ fail: fake-model at vendor"


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_a_mark(verdict: Verdict) -> None:
    """And its name, for those who do not see the mark."""
    assert str(verdict) in summary(replace(REPORT, verdict=verdict)).splitlines()[0]


def test_a_benchmark_is_a_row() -> None:
    """Score, interval, reference and denominators."""
    assert "| **Quiz** | ❌ fail | 50.0 % | 10.0 % to 90.0 % | 90.0 % − 5.0 % | 1 of 2 | 1 | 1 |" in summary(REPORT)


def test_epochs_and_unparsed_answers_are_in_the_row() -> None:
    """They explain the denominator."""
    counts = replace(RESULT.counts, unparsed=1)
    assert "| 1 of 2 (1 unparsed), 4 × 3 |" in summary(with_result(epochs=3, counts=counts))


def test_nothing_measured_is_a_dash() -> None:
    """Not a zero."""
    row = next(
        line
        for line in summary(with_result(score=None, interval=None, reference=None)).splitlines()
        if "**Quiz" in line
    )
    assert row == "| **Quiz** | ❌ fail | – | – | – | – | 1 | 1 |"


@pytest.mark.parametrize(
    "words", ["1 × timeout-total: no end", "1 skipped: stopped", "| q1 | 0 | wrong | 7 | expected 8 |"]
)
def test_what_failed_is_said(words: str) -> None:
    """Failures, skips and wrong answers, each with its reason."""
    assert words in summary(REPORT)


@pytest.mark.parametrize(
    "words",
    [
        "**cut short** (Quiz, 1 ×): raise the limit",
        "3 requests in 4 tries",
        "1\u2009234\u2009567 prompt and 5 completion tokens",
        "first token 100 ms (median), 200 ms (95 %)",
        "60.0 s in 1 session,",
        "tolerated in responses: usage-in-choices × 2",
        "- Quiz: hub math/quiz at cccccccccccc, 3 rows, the pinned content, SHA-256 dddddddddddddddd",
        "journal of 9 lines ending in bbbbbbbbbbbbbbbb",
    ],
)
def test_what_explains_it_is_said(words: str) -> None:
    """Causes, tokens, times, data and evidence."""
    assert words in summary(REPORT)


def chart_of(*results: BenchmarkResult) -> list[str]:
    """The lines of the chart."""
    found = re.search(r"```text\n(.*?)```", summary(replace(REPORT, benchmarks=results)), re.DOTALL)
    return found.group(1).splitlines() if found else []


def test_a_score_is_drawn_against_reference_and_margin() -> None:
    """With the ends of its axis, within 80 columns."""
    score = replace(RESULT, title="MMMU Pro", score=0.781, interval=(0.76, 0.8), reference=0.794, margin=0.05)
    lines = chart_of(replace(score, comparison=None))
    assert lines[0] == "MMMU Pro          70 %│                 ┊     ├────────●────┃─┤│80 %"
    assert lines[-1] == "├──●──┤ score and its limits   ┃ reference   ┊ reference − margin"
    assert max(map(len, lines)) < 80


def test_the_limits_that_decided_are_drawn() -> None:
    """A difference on the scale of scores: it fails when even its right end is left of the margin."""
    assert RESULT.comparison is not None
    comparison = replace(RESULT.comparison, difference=-0.1, low=-0.14, high=-0.06)
    line = chart_of(replace(RESULT, score=0.8, interval=(0.7, 0.9), reference=0.9, margin=0.05, comparison=comparison))[
        0
    ]
    assert line == "Quiz              75 %│   ├─────────●─────────┤  ┊            ┃│90 %"


def test_probes_are_drawn_as_a_share() -> None:
    """No interval: every one of them must hold."""
    assert chart_of(PROBES) == [f"Pre-Verification      {'█' * 20}{'░' * 20} 1 of 4"]


def test_nothing_scored_has_no_chart() -> None:
    """Not an empty one."""
    assert chart_of(replace(RESULT, score=None, interval=None)) == []


def test_a_cause_that_several_benchmarks_show_is_told_once() -> None:
    """With each of them."""
    other = replace(RESULT, title="Other")
    assert "- **cut short** (Quiz, 1 ×; Other, 1 ×): raise the limit\n" in summary(
        replace(REPORT, benchmarks=(RESULT, other))
    )


def test_a_demonstration_says_so() -> None:
    """Nobody may take it for a statement on a vendor."""
    assert "**A demonstration**: the embedded vendor answered" in summary(replace(REPORT, demonstration=True))


def test_bundled_samples_say_so() -> None:
    """They are not the published benchmark."""
    bundled = DatasetInfo(source="bundled", location="x", count=8, digest="0")
    assert "Bundled samples are a self-check" in summary(with_result(dataset=bundled))


def test_an_early_end_says_so() -> None:
    """With its reason."""
    report = replace(REPORT, state=RunState.INTERRUPTED, state_reason="interrupted by SIGINT")
    assert "**Interrupted**: interrupted by SIGINT" in summary(report)


def test_mended_and_retried_are_said() -> None:
    """The evidence has a history."""
    journal = replace(REPORT.journal, mended_bytes=17, retried_failures=2)
    found = summary(replace(REPORT, journal=journal))
    assert "a torn journal line of 17 bytes was removed" in found
    assert "2 failed earlier and were asked again on resuming" in found


def command(report: RunReport) -> list[str]:
    match = re.search(r"```sh\n(.*)\n```", summary(report))
    assert match
    return shlex.split(match.group(1))


def test_the_command_asks_the_same_again() -> None:
    """Everything that is not at its default, quoted for a shell."""
    assert command(REPORT) == [
        "kvv", "run", "--base-url", "https://v.example/v1", "--model", "fake-model", "--profile", "fake",
        "--tier", "full", "--benchmarks", "quiz", "--seed", "3", "--limit", "4", "--epochs", "1",
        "--extra-body", '{"top_k":5}', "--extra-headers", "X-Tier: …",
    ]  # fmt: skip


def test_the_command_knows_every_way_of_asking() -> None:
    """Its options exist."""
    endpoint = replace(PLAN.endpoint, think_mode="opensource", effort="max", stream=False)
    planned = replace(PLAN.benchmarks[0], dataset=DatasetInfo(source="file", location="q.jsonl", count=1, digest="0"))
    plan = replace(PLAN, contract="compatible", precheck="warn", endpoint=endpoint, benchmarks=(planned,))
    words = command(replace(REPORT, plan=plan, endpoint=endpoint))
    assert words[words.index("--dataset") + 1] == "quiz=q.jsonl"
    assert {"--think-mode", "--effort", "--contract", "--precheck", "--stream"} < set(words)
    known = {f"--{option_name(name)}" for name in Settings.model_fields}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_command_names_what_can_be_asked_for() -> None:
    """No varied twin, nothing that the tier left out: naming that would ask it."""
    twin = replace(PLANNED, id="quiz-varied", varies="quiz")
    nothing = DatasetInfo(source="code", location="", count=0, digest="")
    left_out = replace(PLANNED, id="long", ids_digest="", dataset=nothing, skip="left out of the tier smoke")
    planned = (replace(PLANNED, peers=(1.0,)), twin, left_out)
    words = command(replace(REPORT, plan=replace(PLAN, benchmarks=planned, holdout="both")))
    assert words[words.index("--benchmarks") + 1] == "quiz"
    assert "--dataset" not in words
    assert words[-4:] == ["--holdout", "both", "--reference", "…"]


def test_the_command_of_a_demonstration() -> None:
    """With its faults."""
    plan = replace(PLAN, demonstration=True, faults=("drops-usage", "slow=0.5"))
    assert command(replace(REPORT, plan=plan)) == [
        "kvv", "demo", "--profile", "fake", "--benchmarks", "quiz", "--fault", "drops-usage", "--fault", "slow=0.5",
    ]  # fmt: skip


def test_merged_shards_are_asked_again_as_one_run() -> None:
    """Without the number and the folder of the last shard."""
    again = ("run", "--model", "m", "--shard", "3/3", "--out", "/x/3")
    endpoint = replace(REPORT.endpoint, extra_headers=())
    report = replace(REPORT, endpoint=endpoint, provenance=replace(REPORT.provenance, again=again))
    assert command(report) == ["kvv", "run", "--model", "m"]
    alone = ("run", "--model", "m", "--out", "/x")
    assert command(replace(report, provenance=replace(report.provenance, again=alone))) == ["kvv", *alone]


def test_hostile_names_are_quoted_in_the_command() -> None:
    """Whoever copies it does not run anything else."""
    plan = replace(PLAN, endpoint=replace(PLAN.endpoint, model="$(touch x); `id` && y\n```\n# out"))
    words = command(replace(REPORT, plan=plan, endpoint=plan.endpoint))
    assert words[words.index("--model") + 1] == "$(touch x); 'id' && y ''' # out"


@pytest.mark.parametrize("evil", [*HOSTILE, EVIL])
def test_hostile_text_forms_no_markup(evil: str) -> None:
    """The structure is the one that plain words give, token by token."""
    assert shape(summary(hostile(evil))) == shape(summary(hostile("harmless")))


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_text_forms_no_mention_or_link(evil: str) -> None:
    """GitHub looks for these in the finished text, where entities are characters again."""
    words = "".join(token.content for token in tokens(summary(hostile(evil))) if token.type == "text")
    assert not re.search(r"@\w|#\w", words)
    assert not re.search(r"https?://|www\.", text(evil), re.IGNORECASE)


def test_no_invisible_character_is_left() -> None:
    """Bidi and zero-width characters are shown as escapes."""
    found = summary(hostile())
    assert not set("\u202e\u2066\u200f\u200b\ufeff\x1b\x00\x85\u2028") & set(found)
    assert "\\u202e".replace("\\", "&#92;") in found


def test_no_line_is_a_workflow_command() -> None:
    """Also when somebody prints the file into a log; the command at the end holds only what the user gave."""
    lines = summary(hostile()).partition("```sh")[0].splitlines()
    assert not [line for line in lines if line.lstrip().startswith("::") or "##[" in line]


def bad(count: int) -> RunReport:
    cases = tuple(
        Case(id=f"q{n}", epoch=0, outcome=Outcome.WRONG, value=0.0, answer=EVIL[:300], explanation="x" * 1000)
        for n in range(count)
    )
    return with_result(cases=cases)


def test_thousands_of_bad_cases_fit() -> None:
    """The list is cut and says how many more there are."""
    found = summary(bad(5000))
    assert len(found.encode()) < BUDGET
    assert "4950 more in report.json." in found


@pytest.mark.parametrize("budget", [40_000, 20_000, 5_000, 2_000, 1_000])
def test_a_smaller_budget_is_kept(budget: int) -> None:
    """And the verdict stays."""
    found = summary(bad(5000), budget)
    assert len(found.encode()) <= budget
    assert found.startswith("## ❌ fail: fake-model at vendor")


def test_sections_go_one_by_one() -> None:
    """First rows of lists, then sections from the end; the table before the verdict."""
    headings = [re.findall(r"^### (.*)$", summary(bad(5000), budget), re.MULTILINE) for budget in range(2600, 300, -20)]
    sizes = [len(found) for found in headings]
    assert sizes == sorted(sizes, reverse=True)
    assert set(sizes) == {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("budget", [0, 1, 10, 50])
def test_even_a_tiny_budget_is_kept(budget: int) -> None:
    """With valid UTF-8."""
    assert len(summary(REPORT, budget).encode()) <= budget


def test_many_benchmarks_with_long_reasons_fit() -> None:
    """Reasons are cut too."""
    many = tuple(replace(RESULT, id=f"b{n}", reason="r" * 10_000) for n in range(50))
    assert len(summary(replace(REPORT, benchmarks=many)).encode()) < BUDGET


def test_probes_are_called_probes() -> None:
    """A contract is not answered wrongly, it does not hold."""
    report = with_result(PROBES, kind=BenchmarkKind.CONTRACT)
    assert "1 probes that do not hold" in summary(report)


def test_the_comparison_is_one_line() -> None:
    """What was seen, what could have been, what would settle it, and what ending early saved."""
    (line,) = [line for line in summary(REPORT).splitlines() if line.startswith("- **Quiz**: −40.0 points")]
    assert "limits −60.0 and −20.0, margin −5.0" in line
    assert "a deficit of 30.0 would have been seen; about 17 more answers would settle it" in line
    assert "decided after 3 of 4 answers, which saved 1 request and about 1\u2009500 tokens" in line


def test_what_was_not_asked_is_told_once() -> None:
    """A closed gate is one reason, however many benchmarks it keeps from being asked."""
    why = "Gate failed: p3, p1"
    skipped = replace(RESULT, verdict=Verdict.SKIPPED, reason=why, skips={why: 4}, cases=())
    report = replace(REPORT, benchmarks=(RESULT, *(replace(skipped, title=name) for name in ("A", "B"))))
    assert summary(report).count(why) == 1
    assert f"### Not asked\n\n- A, B: {why}\n" in summary(report)
