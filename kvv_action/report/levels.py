"""The runs of one endpoint at every level of thinking effort: one verdict, one table, one summary."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from kvv_action.errors import KvvError
from kvv_action.report.markdown import BUDGET, text
from kvv_action.report.markdown.scores import MARKS
from kvv_action.report.text import number, percent, seconds
from kvv_action.schema import RunReport, RunState, Verdict

TABLE = "effort.json"
TOLD = "not judged"
"""In place of a verdict, where everything that must hold at every level holds, and a score is only told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelScore:
    """A benchmark at one level; `judged` is False where its score is only told."""

    id: str
    title: str
    score: float | None
    verdict: Verdict
    judged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRow:
    """One level.

    Attributes:
        verdict: of the level's run; skipped where it was not asked.
        judged: False where all that must hold at every level holds, and no score could be judged.
        scores: of every benchmark that was planned.
        tokens_out: of all answers.
        first_token: seconds until the first token of a streamed answer, median; None without streams.
        thinking: characters of thinking in an answer to a scored benchmark (of a probe, where none was asked), median;
            None without answers.
    """

    level: str
    verdict: Verdict
    judged: bool
    reason: str
    scores: tuple[LevelScore, ...] = ()
    tokens_out: int = 0
    first_token: float | None = None
    thinking: float | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing at this level speaks against the endpoint, or is unknown."""
        return self.verdict is Verdict.PASS or not self.judged

    @property
    def told(self) -> str:
        """The verdict, or that there is none."""
        return self.verdict.value if self.judged else TOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortTable:
    """All levels, lowest first.

    Attributes:
        judged_at: the level whose scores are compared with the references.
    """

    verdict: Verdict
    reason: str
    model: str
    vendor: str
    profile: str
    judged_at: str
    rows: tuple[LevelRow, ...]


def row_of(level: str, report: RunReport, thinking: float | None) -> LevelRow:
    """The row of a run."""
    return LevelRow(
        level=level,
        verdict=report.verdict,
        judged=not _only_told(report),
        reason=report.reason,
        scores=tuple(
            LevelScore(id=one.id, title=one.title, score=one.score, verdict=one.verdict, judged=not one.orientation)
            for one in report.benchmarks
        ),
        tokens_out=report.usage.completion_tokens,
        first_token=report.timing.first_token.p50,
        thinking=thinking,
    )


def not_asked(level: str, why: str) -> LevelRow:
    """The row of a level without a run."""
    return LevelRow(level=level, verdict=Verdict.SKIPPED, judged=True, reason=why)


def _only_told(report: RunReport) -> bool:
    """Whether a complete run is inconclusive for the one reason that no score of it can be judged."""
    if report.verdict is not Verdict.INCONCLUSIVE or report.state is not RunState.COMPLETE:
        return False
    planned = {one.id: one for one in report.plan.benchmarks}
    advisory = {name for name, one in planned.items() if one.gates and report.plan.precheck == "warn"}
    counting = [one for one in report.benchmarks if one.id not in advisory and not planned[one.id].is_variant]
    return any(one.orientation for one in counting) and all(
        one.orientation or one.verdict is Verdict.PASS or planned[one.id].left_out for one in counting
    )


def concluded(rows: Sequence[LevelRow]) -> tuple[Verdict, str]:
    """The verdict of all levels together, and the reason.

    A failure at any level fails. What is unknown or was not asked at any level leaves it inconclusive. Otherwise it
    passes if a level passes; the levels whose scores are only told hold all that must hold at every level.
    """
    for verdict, found in (
        (Verdict.FAIL, [row for row in rows if row.verdict is Verdict.FAIL]),
        (Verdict.INCONCLUSIVE, [row for row in rows if not row.holds]),
    ):
        if found:
            return verdict, "; ".join(f"effort {row.level}: {row.reason}" for row in found)
    passed = [row for row in rows if row.verdict is Verdict.PASS]
    if not passed:
        return Verdict.INCONCLUSIVE, "no score could be judged at any level of effort"
    told = [row.level for row in rows if row not in passed]
    beside = f"; scores not judged at {', '.join(told)}, where all else holds" if told else ""
    return Verdict.PASS, f"pass at effort {', '.join(row.level for row in passed)}{beside}"


def markdown(table: EffortTable) -> str:
    """The verdict and the table."""
    titles = {score.id: score.title for row in table.rows for score in row.scores}
    heads = ["Effort", "Verdict", *(text(title) for title in titles.values())]
    heads += ["Tokens out", "First token", "Thinking, characters"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    lines += [f"| {' | '.join(_cells(row, titles))} |" for row in table.rows]
    notes = [f"- **{text(row.level)}**: {text(row.reason, 1000)}" for row in table.rows]
    title = f"## {MARKS[table.verdict]}: {text(table.model)} at {text(table.vendor)}, every level of effort\n\n"
    return "\n".join([title + text(table.reason, 1500) + "\n", *lines, "", *notes, ""]) + "\n"


def _cells(row: LevelRow, titles: Mapping[str, str]) -> list[str]:
    found = {score.id: score for score in row.scores}
    asked = bool(row.scores)
    return [
        f"**{text(row.level)}**",
        MARKS[row.verdict] if row.judged else f"ℹ️ {TOLD}",
        *(_score(found.get(name)) for name in titles),
        number(row.tokens_out) if asked else "–",
        seconds(row.first_token),
        "–" if row.thinking is None else number(round(row.thinking)),
    ]


def _score(score: LevelScore | None) -> str:
    if score is None or score.score is None:
        return "–"
    return f"{MARKS[score.verdict].partition(' ')[0] if score.judged else 'ℹ️'} {percent(score.score)}"


def whole_summary(table: EffortTable, summaries: Mapping[str, Callable[[int], str]], budget: int = BUDGET) -> str:
    """The table first, then the summary of every level, folded.

    Args:
        table: of all levels.
        summaries: by level, what makes its summary of at most so many bytes.
        budget: bytes of it all.
    """
    opening = markdown(table)
    left = (budget - len(opening.encode())) // max(1, len(summaries)) - 200
    if left <= 0:
        return opening.encode()[: max(0, budget)].decode(errors="ignore")
    return opening + "".join(_folded(f"effort {level}", make(left)) for level, make in summaries.items())


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{text(title)}</summary>\n\n{content}\n</details>\n\n"


def parse(data: bytes, where: str = TABLE) -> EffortTable:
    """The table in the bytes of `effort.json`.

    Raises:
        KvvError: it is none.
    """
    try:
        return TypeAdapter(EffortTable).validate_json(data)
    except ValidationError as error:
        first: Any = error.errors()[0]
        raise KvvError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def as_json(table: EffortTable) -> bytes:
    """`effort.json`."""
    return orjson.dumps(table, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
