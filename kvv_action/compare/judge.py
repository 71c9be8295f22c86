"""Compares two runs and answers: did this serving change break the model?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kvv_action.compare.evidence import with_flips
from kvv_action.compare.findings import finding_changes
from kvv_action.compare.pairing import asked_differently
from kvv_action.compare.parts import ALPHA, NEITHER, TOLERANCE, brief, parts
from kvv_action.compare.records import (
    COMPARE_VERSION,
    BenchmarkChange,
    Effect,
    FindingChange,
    Regression,
    RunComparison,
    RunSide,
    Shift,
)
from kvv_action.compare.side import Side
from kvv_action.compare.traffic import shifts
from kvv_action.compare.words import CHANGE, RunNames, names_of
from kvv_action.errors import Problem, UsageError
from kvv_action.fingerprint.gate import GateJudgement, ModelChange, judge_gate
from kvv_action.report.text import percent, points
from kvv_action.schema import BenchmarkKind, RunReport, RunState

LISTED = 20
MOVED = "next-token probabilities moved by more than the tolerance"
OTHER_PROMPT = "the same requests make other prompts than before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a run is about."""

    model: str
    profile: str
    demonstration: bool = False


def subject(report: RunReport) -> Subject:
    """What a finished run is about."""
    return Subject(
        model=report.endpoint.model, profile=report.profile.name, demonstration=report.plan.demonstration
    )  # fmt: skip


def refusals(base: Subject, new: Subject) -> list[str]:
    """Why two runs are not about the same thing; empty when they are."""
    found = []
    if base.profile != new.profile:
        found.append(f"the baseline verifies by profile {base.profile}, the new run by {new.profile}")
    if base.model != new.model:
        found.append(f"the baseline is of model {base.model}, the new run of {new.model}")
    if base.demonstration != new.demonstration:
        which = "baseline" if base.demonstration else "new run"
        found.append(f"the {which} is a demonstration with the embedded vendor, the other is of a real endpoint")
    return found


def compare(
    base: Side,
    new: Side,
    *,
    tolerance: float | None = None,
    force: bool = False,
    vendors: bool = False,
    others: int = 1,
) -> RunComparison:
    """Compare two runs, sample by sample.

    Args:
        base: the run before the change.
        new: the run after it.
        tolerance: a drop (0..1) that every scored benchmark must rule out for the answer `none`; None: what these runs
            can show, and the headline says it (for runs of plans with the first rules, `TOLERANCE`).
        force: compare different models or profiles all the same.
        vendors: where the runs are of two vendors, compare vendors; else the new run stands for a change of one.
        others: how many runs are compared with `base`: chance has so many more tries.

    Raises:
        UsageError: the runs are about different models or profiles, and it is not forced.
    """
    refused = refusals(subject(base.report), subject(new.report))
    if refused and not force:
        allowed = f"{'; '.join(refused)}. Such runs are compared only with --force."
        raise UsageError([Problem(name="BASE", value="", allowed=allowed[:1].upper() + allowed[1:])])
    if tolerance is None and new.report.plan.verdicts is None:
        tolerance = TOLERANCE
    names = names_of(base.report, new.report) if vendors else CHANGE
    compared = parts(base, new, tolerance, names, others)
    paired, found = compared.paired, with_flips(compared.changes, compared.paired, base, new)
    scored = [part.id for part in found if part.kind is BenchmarkKind.SCORED]
    moved = tuple(shifts(paired, scored))
    changes = finding_changes(base.report, new.report, names, others)
    moved_model = judge_gate(base.captures, new.captures) if base.captures and new.captures else None
    regression, headline, reason = with_model(moved_model, conclusion(found, changes, base.report, new.report, names))
    if tolerance is None and regression is not Regression.REGRESSION and compared.tolerances:
        headline += f"; it is enough to rule out losses above {', '.join(_tolerances(found, compared.tolerances))}"
    return RunComparison(
        schema_version=COMPARE_VERSION,
        regression=regression,
        headline=headline,
        reason=reason,
        base=_side(base),
        new=_side(new),
        alpha=ALPHA,
        tolerance=tolerance or round(max(compared.tolerances.values(), default=TOLERANCE), 6),
        forced=bool(refused),
        parts=found,
        shifts=moved,
        asked_differently=tuple(asked_differently(base.report.plan, new.report.plan, names))[:LISTED],
        notes=(*refused, *_notes(base, new, moved, names)),
        findings=changes,
        model_change=moved_model,
        vendors=names.vendors,
        form=1 if new.report.plan.verdicts is None else 2,
        others=others,
    )


def with_model(change: GateJudgement | None, answer: tuple[Regression, str, str]) -> tuple[Regression, str, str]:
    """The answer with what next-token probabilities say: they are asked first, and a regression there is one."""
    regression, headline, reason = answer
    if change is None:
        return answer
    if change.change is ModelChange.REGRESSION:
        also = headline.removeprefix("Yes: ") if regression is Regression.REGRESSION else ""
        told = "; ".join(text for text in (MOVED, also) if text)
        return Regression.REGRESSION, f"Yes: {told}", "; ".join(text for text in (change.headline, reason) if text)
    if change.another_prompt and regression is Regression.NONE:
        return Regression.UNKNOWN, f"Cannot tell: {OTHER_PROMPT}", change.headline
    return answer


def conclusion(
    found: Sequence[BenchmarkChange],
    changes: Sequence[FindingChange],
    base: RunReport,
    new: RunReport,
    names: RunNames = CHANGE,
) -> tuple[Regression, str, str]:
    """The answer, its headline and its reasons; never `none` while a benchmark that both runs asked is unclear."""
    by = {finding: [part for part in found if part.finding is finding] for finding in Effect}
    failing = [change for change in changes if change.finding is Effect.WORSE]
    if by[Effect.WORSE] or failing:
        worse = by[Effect.WORSE]
        told = [*(change.cause for change in failing), *map(brief, worse)]
        return Regression.REGRESSION, f"{names.yes}: {'; '.join(told)}", _reasons(worse, failing)
    unclear = _reasons(by[Effect.UNCLEAR])
    if new.state is not RunState.COMPLETE:
        early = f"{names.new_run} was {new.state} ({new.state_reason})"
        return Regression.UNKNOWN, f"Cannot tell: {early}", unclear
    mended = [change for change in changes if change.finding is Effect.BETTER]
    risen = [part for part in by[Effect.BETTER] if part.matched]
    gone = f"only {names.before}" if names.vendors else "no longer"
    better = ", ".join([*map(brief, risen), *(f"{gone}: {change.cause}" for change in mended)])
    if unclear:
        titles = ", ".join(part.title for part in by[Effect.UNCLEAR])
        shown = f"{names.better}: {better}; cannot tell: " if better and names.vendors else "Cannot tell: "
        cut = base.state is not RunState.COMPLETE and new.plan.plain_reports
        early = f"{names.base_run} was {base.state}: " if cut else ""
        return Regression.UNKNOWN, f"{shown}{early}{titles}", unclear
    compared = [*by[Effect.SAME], *by[Effect.BETTER]]
    if not compared:
        return Regression.UNKNOWN, "Cannot tell: the runs have no benchmark in common", ""
    gains = f"; better: {better}" if better else ""
    if new.plan.verdicts is None:  # older runs keep their words
        unchanged = f"{', '.join(part.title for part in compared)} did not get worse"
    else:
        unchanged = "; ".join([*_shown(compared), *_not_asked(by[Effect.LEFT_OUT])])
    if gains and names.vendors:
        return Regression.NONE, f"{names.better}: {better}; {unchanged}", "; ".join(_details(compared, risen, mended))
    headline = f"{names.no}: {unchanged}{gains}"
    return Regression.NONE, headline, "; ".join(_details(compared, risen, mended))


def _shown(compared: Sequence[BenchmarkChange]) -> Iterator[str]:
    """What is known where nothing is worse: answers that must be right still are, and which losses are ruled out."""
    exact = [part.title for part in compared if part.interval is None and part.matched]
    if exact:
        yield f"nothing that was right is wrong now ({', '.join(exact)})"
    losses = [f"{points(-part.interval[0])} points ({part.title})" for part in compared if part.interval]
    if losses:
        yield f"losses above {', '.join(losses)} are ruled out"
    yield from (f"{part.title} {part.reason}" for part in compared if not part.matched)


def _not_asked(left_out: Sequence[BenchmarkChange]) -> Iterator[str]:
    """What both runs meant to ask and could not."""
    if titles := [part.title for part in left_out if part.reason.startswith(f"{NEITHER}: ")]:
        yield f"not asked by either run: {', '.join(titles)}"


def _tolerances(found: Sequence[BenchmarkChange], tolerances: Mapping[str, float]) -> Iterator[str]:
    """The loss that each benchmark must rule out."""
    for part in found:
        if part.id in tolerances:
            yield f"{points(tolerances[part.id])} points ({part.title})"


def _details(
    compared: Sequence[BenchmarkChange], better: Sequence[BenchmarkChange], mended: Sequence[FindingChange]
) -> Iterator[str]:
    """What got better, and how large a loss is ruled out."""
    if better or mended:
        yield _reasons(better, mended)
    limits = [
        f"{percent(-part.interval[0])} ({part.title})" for part in compared if part.interval and part.interval[0] < 0
    ]
    if limits:
        yield f"ruled out: drops of more than {', '.join(limits)}"


def _reasons(found: Sequence[BenchmarkChange], changes: Sequence[FindingChange] = ()) -> str:
    told = [f"{change.cause}: {change.reason}" for change in changes]
    return "; ".join([*told, *(f"{part.title}: {part.reason}" for part in found)])


def _side(side: Side) -> RunSide:
    report = side.report
    return RunSide(
        vendor=report.endpoint.vendor, base_url=report.endpoint.base_url, model=report.endpoint.model,
        profile=report.profile.name, tier=report.plan.tier, started=report.timing.started, state=report.state,
        verdict=report.verdict, version=report.provenance.version, plan_digest=report.plan_digest,
        journal_head=report.journal.head, evidence="journal" if side.journal else "report",
    )  # fmt: skip


def _notes(base: Side, new: Side, moved: Sequence[Shift], names: RunNames) -> Iterator[str]:
    """What a reader of the numbers should know."""
    if base.report.state is not RunState.COMPLETE:
        yield f"{names.base_run} was {base.report.state}: only what it answered is compared"
    for side, words in ((base, names.base_run), (new, names.new_run)):
        if side.journal is None:
            yield f"{words} has no journal beside its report: latency and tokens are not compared"
    for shift in moved:
        if shift.name == "prompt_tokens" and shift.changed:
            yield (
                f"prompt tokens of the same samples differ on {percent(shift.changed)} of them: the chat template, the "
                f"tokenizer, the handling of pictures or the counting {names.changed}"
            )
