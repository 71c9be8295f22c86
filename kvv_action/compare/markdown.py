"""`compare.md`, and what a run's summary says of its baseline: the answer first."""

import re
from collections.abc import Callable, Iterator, Sequence

from kvv_action.compare.records import (
    BenchmarkChange,
    Effect,
    FindingChange,
    Flip,
    Regression,
    RunComparison,
    RunSide,
    Shift,
    ShownAnswer,
)
from kvv_action.digits import counted, figure
from kvv_action.fingerprint.gate import GateJudgement, ModelChange
from kvv_action.report.bars import NAME, WIDTH, Axis, Interval, block, interval_bar, name
from kvv_action.report.markdown.escape import code, text
from kvv_action.report.text import percent, points, seconds
from kvv_action.schema import BenchmarkKind, Severity

MARKS = {Regression.NONE: "✅", Regression.REGRESSION: "❌", Regression.UNKNOWN: "⚠️"}
EFFECTS = {
    Effect.WORSE: "❌ worse",
    Effect.BETTER: "✅ better",
    Effect.SAME: "✅ no change",
    Effect.UNCLEAR: "⚠️ cannot tell",
    Effect.LEFT_OUT: "⏭️ not compared",
}
MODEL_MARKS = {
    ModelChange.REGRESSION: "❌", ModelChange.NUMERICS: "ℹ️", ModelChange.NONE: "✅", ModelChange.UNKNOWN: "⚠️",
}  # fmt: skip
MEASURED = {Effect.WORSE: "❌ beyond its limit", Effect.BETTER: "✅ within its limit"}
"""Of a benchmark that judges all answers together: what it measures says nothing about how good answers are."""


def effect_of(part: BenchmarkChange) -> str:
    """What became of a benchmark, in words."""
    measured = not part.matched and part.finding in MEASURED
    return MEASURED[part.finding] if measured else EFFECTS[part.finding]


QUESTION = "Did this change break the model?"
MODEL = "Is it the same model?"
MEASURES = {
    "first_token": "first token",
    "answer": "whole answer",
    "speed": "speed",
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens",
}
_PICTURE = re.compile(r"(;base64,)[A-Za-z0-9+/=]{40,}")
_SHORT = r"\1…"
CHANGES = 20
"""Findings over all answers that are shown."""
SHOWN = 5
"""Flips of a benchmark whose requests and answers are shown."""


def within(opening: str, more: Callable[[int], str], budget: int) -> str:
    """Opening and sections within `budget` bytes: `more` takes the rows of a list; lists get shorter first."""
    for rows in (50, 20, 5, 0):
        found = opening + more(rows)
        if len(found.encode()) <= budget:
            return found
    return opening.encode()[: max(0, budget)].decode(errors="ignore")


def head(comparison: RunComparison) -> str:
    """The answer, and a row and a bar per benchmark."""
    title = f"## {MARKS[comparison.regression]} {QUESTION} {text(comparison.headline, 300)}\n\n"
    title += model_line(comparison.model_change)
    more = f"In detail: {text(comparison.reason, 1500)}\n\n" if comparison.reason else ""
    parts = _table(comparison.parts) + bars(comparison.parts)
    return title + more + _sides(comparison) + _changes(comparison.findings) + parts


def model_line(change: GateJudgement | None) -> str:
    """What next-token probabilities say, with the notes that a reader needs; nothing where none were captured."""
    if change is None:
        return ""
    notes = [f"- {text(note, 500)}" for note in change.notes]
    told = [f"{MODEL_MARKS[change.change]} **{MODEL}** {text(change.headline, 500)}", *(["", *notes] if notes else [])]
    return "\n".join(told) + "\n\n"


def _sides(comparison: RunComparison) -> str:
    base, new = comparison.base, comparison.new
    whose = "" if base.vendor == new.vendor else f" of {text(base.vendor, 80)}"
    forced = " **Forced**: the runs are not about the same model or profile." if comparison.forced else ""
    which = f"{text(base.started)} (journal {text(base.journal_head[:12])})"
    return f"Compared with the baseline{whose} of {which}, sample by sample.{forced}\n\n"


def _changes(found: Sequence[FindingChange]) -> str:
    """A row per finding over all answers, and for delivery; what fails the new run has its remedy."""
    if not found:
        return ""
    lines = [
        "| Over all answers | Finding | Before | Now | What to do |",
        "|---|---|---|---|---|",
        *(_change(one) for one in found[:CHANGES]),
    ]
    return "\n".join(lines) + "\n\n"


def _change(one: FindingChange) -> str:
    before, now = (
        f"{severity or 'not seen'}" + (f", {count} of {of}" if of else "")
        for severity, count, of in (
            (one.severity_before, one.count_before, one.of_before),
            (one.severity_after, one.count_after, one.of_after),
        )
    )
    remedy = text(one.remedy, 400) if one.severity_after is Severity.FAILURE else "–"
    return f"| {text(one.cause, 300)} | {EFFECTS[one.finding]} | {before} | {now} | {remedy} |"


def _table(parts: Sequence[BenchmarkChange]) -> str:
    lines = [
        "| Benchmark | Finding | Before | Now | Difference (95 %) | Fell | Rose | By chance |",
        "|---|---|---|---|---|---|---|---|",
        *map(row, parts),
    ]
    return "\n".join(lines) + "\n\n"


def row(part: BenchmarkChange) -> str:
    """A benchmark with its finding and both values."""
    cells = (
        f"**{text(part.title)}**", effect_of(part), percent(part.before), percent(part.after), between(part),
        f"{part.fell} of {part.matched}", str(part.rose), by_chance(part),
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def between(part: BenchmarkChange) -> str:
    """The difference with its interval."""
    if part.difference is None:
        return "–"
    limits = f" ({' to '.join(points(end, sign=True) for end in part.interval)})" if part.interval else ""
    return points(part.difference, sign=True) + limits


def by_chance(part: BenchmarkChange) -> str:
    """How often chance makes such a difference."""
    shown = part.chance_worse if (part.difference or 0) < 0 else part.chance_better
    return "–" if shown is None else _chance(shown)


def _chance(value: float) -> str:
    """How often so much is seen when nothing has changed."""
    return "< 0.1 %" if value < 0.001 else percent(min(1.0, value))


def bars(parts: Sequence[BenchmarkChange]) -> str:
    """The differences of the scored benchmarks around zero, on one axis."""
    drawn = [part for part in parts if part.interval and part.difference is not None]
    if not drawn:
        return ""
    reach = max(abs(end) for part in drawn for end in part.interval or ())
    reach = max(0.02, reach)
    axis = Axis(low=-reach, high=reach)
    ends = f"{'':{NAME}} {points(-reach, sign=True)} points"
    zero = NAME + 1 + axis.place(0.0)
    lines = [f"{ends:<{zero}}0{points(reach, sign=True):>{NAME + WIDTH - zero}}"]
    for part in drawn:
        low, high = part.interval or (0.0, 0.0)
        found = Interval(value=part.difference or 0.0, low=low, high=high, marks={"│": 0.0})
        lines.append(f"{name(part.title)} {interval_bar(found, axis)}")
    return block(lines)


def section(comparison: RunComparison, rows: int) -> str:
    """What changed, with its evidence; `rows` samples of each benchmark."""
    parts = [_part(part, rows) for part in comparison.parts if part.finding is not Effect.LEFT_OUT]
    return "".join(parts) + _shifts(comparison.shifts) + _conditions(comparison)


def _part(part: BenchmarkChange, rows: int) -> str:
    if part.finding is Effect.SAME and not part.flips and not part.causes_new:
        return ""
    lines = [f"### {text(part.title)}, before and now: {text(part.reason, 600)}\n"]
    lines += [f"- new cause: {text(cause, 300)}" for cause in part.causes_new]
    lines += [f"- no longer seen: {text(cause, 300)}" for cause in part.causes_gone]
    return "\n".join([*lines, *_flips(part, rows)]) + "\n\n"


def _flips(part: BenchmarkChange, rows: int) -> list[str]:
    if not part.flips or not rows:
        return []
    noun = "probes" if part.kind is BenchmarkKind.CONTRACT else "samples"
    opened = " open" if part.finding is Effect.WORSE else ""
    shown = first_flips(part.flips, rows)
    lines = [
        f"\n<details{opened}><summary>{part.fell} {noun} fell, {part.rose} rose</summary>\n",
        "| Sample | Value | Before | Now | Why |",
        "|---|---|---|---|---|",
        *(_flip(flip) for flip in shown),
    ]
    if part.fell + part.rose > len(shown):
        lines.append(f"\n{part.fell + part.rose - len(shown)} more; compare.json has up to 50 of each kind.")
    lines += ["", *(_evidence(flip) for flip in shown[:SHOWN])]
    return [*lines, "\n</details>"]


def first_flips(flips: Sequence[Flip], rows: int) -> list[Flip]:
    """Those that fell, then those that rose: a third of the room at most, when there is not enough for all."""
    fell = [flip for flip in flips if flip.after.value < flip.before.value]
    rose = [flip for flip in flips if flip.after.value > flip.before.value]
    kept = rows - min(len(rose), max(rows // 3, rows - len(fell)))
    return [*fell[:kept], *rose[: rows - len(fell[:kept])]]


def _flip(flip: Flip) -> str:
    before, after = flip.before, flip.after
    return (
        f"| {text(flip.id, 80)} | {figure(before.value)} → {figure(after.value)} | {text(before.answer, 80)} | "
        f"{text(after.answer, 80)} | {text(after.cause or after.explanation, 200)} |"
    )


def _evidence(flip: Flip) -> str:
    """Request and both answers, each on one line."""
    lines = [f"- **{text(flip.id, 80)}**"]
    if told := asked(flip):
        lines.append(f"  - {told.removeprefix(', ')}")
    for words, seen in (("before", flip.before), ("now", flip.after)):
        lines.append(f"  - {words}{named(seen)}: {text(seen.response or seen.answer, 500)}")
    return "\n".join(lines)


def asked(flip: Flip) -> str:
    """What was asked; empty where no evidence has it."""
    request = flip.after.request or flip.before.request
    return f", asked: {code(_PICTURE.sub(_SHORT, request), 500)}" if request else ""


def named(seen: ShownAnswer) -> str:
    """Where the answer can be found again."""
    return (
        f" (epoch {seen.epoch}, request {text(seen.request_id, 60)})" if seen.request_id else f" (epoch {seen.epoch})"
    )


def _shifts(found: Sequence[Shift]) -> str:
    if not found:
        return ""
    lines = [
        "### Latency and tokens, before and now\n",
        "Medians over the same samples; load and network move them too, so that they are no regression.\n",
        "| Measure | Before | Now | Ratio (95 %) | Samples | |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {MEASURES[one.name]} | {amount(one, one.before)} | {amount(one, one.after)} | {ratio(one)} | "
        f"{one.samples} | {moved(one)} |"
        for one in found
    ]
    return "\n".join(lines) + "\n\n"


def amount(one: Shift, value: float) -> str:
    """A median with its unit."""
    return seconds(value) if one.unit == "s" else f"{value:.1f}/s" if one.unit == "tokens/s" else f"{value:.0f}"


def ratio(one: Shift) -> str:
    """The ratio with its interval."""
    between = f" ({one.interval[0]:.2f} to {one.interval[1]:.2f})" if one.interval else ""
    return f"× {one.ratio:.2f}{between}"


def moved(one: Shift) -> str:
    """What the ratio means, in a word."""
    if one.finding in (Effect.SAME, Effect.UNCLEAR):
        return "no change" if one.finding is Effect.SAME else "too few to tell"
    more = one.ratio > 1
    words = {"s": ("slower", "faster"), "tokens/s": ("faster", "slower"), "tokens": ("more", "fewer")}[one.unit]
    return f"**{words[0] if more else words[1]}**"


def _conditions(comparison: RunComparison) -> str:
    return "### How it was compared\n\n" + "\n".join(conditions(comparison)) + "\n\n"


def conditions(comparison: RunComparison, names: tuple[str, str] = ("before", "now")) -> list[str]:
    """How far the two runs are the same question, and what the words mean."""
    lines = [*_left_out(comparison)]
    lines += [f"- asked differently: {text(place, 300)}" for place in comparison.asked_differently]
    lines += [f"- {text(note, 500)}" for note in comparison.notes]
    lines += [f"- {words}: {_run(side)}" for words, side in zip(names, (comparison.base, comparison.new), strict=True)]
    lines.append(
        "- worse or better is what chance does not explain (sign-flip test on the differences of samples, adjusted for "
        f"the number of benchmarks after Holm{_times(comparison)}, at {percent(comparison.alpha, 0)})"
        f"{_exact(comparison)}; cannot tell: a drop of {points(comparison.tolerance)} points is not ruled out"
    )
    if comparison.findings:
        lines.append(
            f"- over all answers: {_over_all(comparison)} chance does not explain (Fisher's exact test, at "
            f"{percent(comparison.alpha, 0)})"
        )
    return lines


def _over_all(comparison: RunComparison) -> str:
    if comparison.vendors:
        return "worse or better is what fails one run alone and"
    return "what fails the new run and not the baseline is worse; where both saw it, only what"


def _times(comparison: RunComparison) -> str:
    return "" if comparison.others == 1 else f" and of the {comparison.others} runs that are compared"


def _exact(comparison: RunComparison) -> str:
    return "" if comparison.vendors else ", and any change where every answer must be right"


def _left_out(comparison: RunComparison) -> Iterator[str]:
    before, now = "before", "now"
    if comparison.vendors:
        before, now = (f"at {text(side.vendor, 80)}" for side in (comparison.base, comparison.new))
    for part in comparison.parts:
        if part.finding is Effect.LEFT_OUT:
            yield f"- not compared: {text(part.title)}: {text(part.reason, 300)}"
        for reason, count in part.left_out.items():
            yield f"- not compared: {counted(count, 'sample')} of {text(part.title)}: {text(reason)}"
        if part.failed_before or part.failed_after:
            yield (
                f"- not compared: samples of {text(part.title)} without a usable answer: {part.failed_before} "
                f"{before}, {part.failed_after} {now}"
            )
        if part.lost_before or part.lost_after:
            yield (
                f"- answers of {text(part.title)} that did not come in single epochs: {part.lost_before} {before}, "
                f"{part.lost_after} {now}"
            )


def _run(side: RunSide) -> str:
    return (
        f"{text(side.model, 80)} at {text(side.vendor, 80)}, profile {text(side.profile, 80)}, tier {text(side.tier)}, "
        f"{text(side.started)}, verdict {side.verdict}, kvv {text(side.version)}, plan {text(side.plan_digest[:12])}, "
        f"read from its {text(side.evidence)}"
    )
