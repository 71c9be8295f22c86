"""`compare.md` for a reviewer: one line of answer, a table, what is newly wrong, and the rest folded."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from kvv_action.compare.markdown import (
    EFFECTS,
    MARKS,
    MEASURES,
    QUESTION,
    SHOWN,
    amount,
    asked,
    bars,
    conditions,
    first_flips,
    model_line,
    moved,
    named,
    ratio,
    row,
)
from kvv_action.compare.records import BenchmarkChange, Effect, FindingChange, Flip, RunComparison, Shift, ShownAnswer
from kvv_action.compare.words import NAME
from kvv_action.digits import counted, figure
from kvv_action.report.markdown.escape import code, markup, text, words_as_code
from kvv_action.report.text import one_line
from kvv_action.schema import BenchmarkKind, Severity

CHANGES = 20
"""Findings over all answers that are shown."""


def columns(comparison: RunComparison) -> tuple[str, str]:
    """What the two runs are called above a column."""
    if not comparison.vendors:
        return "Before", "Now"
    return one_line(comparison.base.vendor, NAME), one_line(comparison.new.vendor, NAME)


def flip_columns(comparison: RunComparison) -> tuple[str, str]:
    """What stands above the numbers of samples that have a lower and a higher value in the new run."""
    before, now = columns(comparison)
    return (f"Better at {before}", f"Better at {now}") if comparison.vendors else ("Fell", "Rose")


def seen_once(comparison: RunComparison) -> tuple[str, str]:
    """What stands before a cause that only the first run has, and before one that only the new run has."""
    before, now = columns(comparison)
    return (f"only at {before}", f"only at {now}") if comparison.vendors else ("no longer seen", "new cause")


def answer(comparison: RunComparison) -> str:
    """The answer in a sentence, after the question where there is one."""
    return comparison.headline if comparison.vendors else f"{QUESTION} {comparison.headline}"


def review_head(comparison: RunComparison) -> str:
    """The answer, a row per benchmark, and what is newly wrong."""
    with words_as_code():
        title = f"## {MARKS[comparison.regression]} {text(answer(comparison), 400)}\n\n"
        forced = "**Forced**: the runs are not about the same model or profile.\n\n" if comparison.forced else ""
        table = _table(comparison) + bars(comparison.parts)
        return title + model_line(comparison.model_change) + forced + table + newly_wrong(comparison)


def _table(comparison: RunComparison) -> str:
    before, now, fell, rose = map(text, (*columns(comparison), *flip_columns(comparison)))
    lines = [
        f"| Benchmark | Finding | {before} | {now} | Difference (95 %) | {fell} | {rose} | By chance |",
        "|---|---|---|---|---|---|---|---|",
        *(row(part) for part in comparison.parts if part.finding is not Effect.LEFT_OUT),
    ]
    return "\n".join(lines) + "\n\n" + _not_compared(comparison.parts)


def _not_compared(parts: Sequence[BenchmarkChange]) -> str:
    """Benchmarks that are in no row, by the reason."""
    found: dict[str, list[str]] = {}
    for part in parts:
        if part.finding is Effect.LEFT_OUT:
            found.setdefault(part.reason, []).append(text(part.title))
    lines = [f"Not compared: {', '.join(titles)} ({text(reason, 300)}).\n\n" for reason, titles in found.items()]
    return "".join(lines)


def newly_wrong(comparison: RunComparison, name: str = "") -> str:
    """What only the new run (`name`) shows: findings over all answers with what to do, causes of single benchmarks."""
    lines = [*map(_finding, [one for one in comparison.findings if one.finding is Effect.WORSE][:CHANGES])]
    told = {one.cause for one in comparison.findings if one.finding is Effect.WORSE}
    for part in comparison.parts:
        lines += [f"- {text(part.title)}: {text(cause, 300)}" for cause in part.causes_new if cause not in told]
    if not lines:
        return ""
    head = f"Newly wrong in {text(name)}" if name else "Newly wrong"
    if comparison.vendors:
        head = f"Seen only at {text(columns(comparison)[1])}"
    return f"### {head}\n\n" + "\n".join(lines) + "\n\n"


def _finding(one: FindingChange) -> str:
    remedy = f" What to do: {text(one.remedy, 400)}" if one.severity_after is Severity.FAILURE and one.remedy else ""
    return f"- **{text(one.cause, 300)}** ({text(one.reason, 300)}).{remedy}"


def review_section(comparison: RunComparison, rows: int) -> str:
    """The differences side by side, latency, and how it was compared; each folded."""
    with words_as_code():
        told = [part for part in comparison.parts if part.finding is not Effect.LEFT_OUT]
        parts = [_part(comparison, same, rows) for same in _alike(told)]
        return "".join(parts) + _others(comparison) + _shifts(comparison) + _how(comparison)


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{content.strip()}\n\n</details>\n\n"


def _alike(parts: Sequence[BenchmarkChange]) -> Iterator[tuple[BenchmarkChange, ...]]:
    """The benchmarks in their order; those that nothing tells apart are together."""
    for _, same in groupby(parts, key=attrgetter("finding", "reason", "flips", "causes_new", "causes_gone")):
        yield tuple(same)


def _part(comparison: RunComparison, same: Sequence[BenchmarkChange], rows: int) -> str:
    part = same[0]
    if part.finding is Effect.SAME and not part.flips and not part.causes_new:
        return ""
    gone = text(seen_once(comparison)[0])
    lines = [f"{text(part.reason, 600)}\n", *(f"- {gone}: {text(cause, 300)}" for cause in part.causes_gone)]
    lines += _flips(comparison, part, rows)
    titles = ", ".join(markup(one.title) for one in same)
    return _folded(f"{titles}: {_difference(comparison, part)}", "\n".join(lines))


def _difference(comparison: RunComparison, part: BenchmarkChange) -> str:
    one = "probe" if part.kind is BenchmarkKind.CONTRACT else "sample"
    if not part.fell + part.rose:
        return EFFECTS[part.finding].partition(" ")[2]
    if not comparison.vendors:
        return f"{counted(part.fell, one)} fell, {part.rose} rose"
    before, now = map(markup, columns(comparison))
    return f"{counted(part.fell, one)} better at {before}, {part.rose} better at {now}"


def _flips(comparison: RunComparison, part: BenchmarkChange, rows: int) -> Iterator[str]:
    """Every sample that differs as a row, then the first ones with both answers side by side."""
    if not part.flips or not rows:
        return
    shown = first_flips(part.flips, rows)
    before, now = map(text, columns(comparison))
    yield from ("", f"| Sample | Value | {before} | {now} | Why |", "|---|---|---|---|---|")
    yield from map(_flip, shown)
    if part.fell + part.rose > len(shown):
        yield f"\n{part.fell + part.rose - len(shown)} more; compare.json has up to 50 of each kind."
    for flip in shown[:SHOWN]:
        yield from _side_by_side(flip, before, now)


def _flip(flip: Flip) -> str:
    before, after = flip.before, flip.after
    worse = after if after.value < before.value else before
    return (
        f"| {text(flip.id, 80)} | {figure(before.value)} → {figure(after.value)} | {code(before.answer, 80)} | "
        f"{code(after.answer, 80)} | {text(worse.cause or worse.explanation, 200)} |"
    )


def _side_by_side(flip: Flip, before: str, now: str) -> Iterator[str]:
    yield f"\n**{text(flip.id, 80)}**{asked(flip)}\n"
    yield f"| {before}{named(flip.before)} | {now}{named(flip.after)} |"
    yield "|---|---|"
    yield f"| {_answered(flip.before)} | {_answered(flip.after)} |"


def _answered(seen: ShownAnswer) -> str:
    return code(seen.response or seen.answer, 500) or "–"


def _others(comparison: RunComparison) -> str:
    """Findings over all answers that are not worse."""
    found = [one for one in comparison.findings if one.finding is not Effect.WORSE][:CHANGES]
    lines = [
        f"- {EFFECTS[one.finding].partition(' ')[2]}: {text(one.cause, 300)} ({text(one.reason, 300)})" for one in found
    ]
    return _folded(f"Over all answers: {counted(len(found), 'more finding')}", "\n".join(lines)) if found else ""


def _shifts(comparison: RunComparison) -> str:
    if not comparison.shifts:
        return ""
    before, now = map(text, columns(comparison))
    lines = [
        "Medians over the same samples; load and network move them too, so that they are no regression.\n",
        f"| Measure | {before} | {now} | Ratio (95 %) | Samples | |",
        "|---|---|---|---|---|---|",
        *map(_shift, comparison.shifts),
    ]
    return _folded("Latency and tokens", "\n".join(lines))


def _shift(one: Shift) -> str:
    amounts = f"{amount(one, one.before)} | {amount(one, one.after)}"
    return f"| {MEASURES[one.name]} | {amounts} | {ratio(one)} | {one.samples} | {moved(one)} |"


def _how(comparison: RunComparison) -> str:
    detail = f"In detail: {text(comparison.reason, 1500)}\n\n" if comparison.reason else ""
    return _folded("How it was compared", detail + "\n".join(conditions(comparison, columns(comparison))))
