"""How a benchmark's score comes from its samples: `mean` for most, `f1` for agreement with a reference.

A report is a pure function of the journal, so the plan names the rule. A benchmark that is installed beside the engine
can bring rules of its own (`score_rules`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kvv_action import plugins
from kvv_action.causes import named
from kvv_action.errors import KvvError
from kvv_action.schema import Diagnosis, PlannedBenchmark, Score
from kvv_action.score_rule import RIGHT, WRONG, Aggregate, Aggregated, Columns, Missing, Term, offered
from kvv_action.statistics.intervals import clustered, wilson

RESAMPLES = 2000
SEED = 20251115
"""Seed of the resampling, so that the same journal gives the same interval."""


def _f1_term(score: Score) -> Term:
    """True positives, and all that are positive for one of the two: the overlap from which F1 follows."""
    tp, fp, fn = (score.counts.get(name, 0) for name in ("tp", "fp", "fn"))
    return float(tp), float(tp + fp + fn)


MISSED = ("failed_right_tp", "failed_right_errors", "failed_wrong_tp", "failed_wrong_errors")
"""What a request that failed would have added to true positives and errors, had it agreed with most runs of the
reference, or disagreed: as many of each as the reference has runs."""


def _f1_unanswered(counts: Mapping[str, int]) -> tuple[Term, Term]:
    tp, errors, wrong_tp, wrong_errors = (float(counts.get(name, 0)) for name in MISSED)
    if not wrong_errors:
        return WRONG, RIGHT
    return (wrong_tp, wrong_tp + wrong_errors), (tp, tp + errors)


def _self_term(score: Score) -> Term:
    """The same counts for the reference's runs against each other."""
    tp, errors = (score.counts.get(name, 0) for name in CEILING)
    return float(tp), float(tp + errors)


CONFUSION = ("tp", "fp", "fn", "tn")
RATES = {
    "schema_accuracy": ("count_successful_tool_call", "count_finish_reason_tool_calls"),
    "call_accuracy": ("count_valid_calls", "count_calls"),
}
"""Shares of two summed counts, with intervals by sample."""
CEILING = ("self_tp", "self_errors")
STREAMED = ("streamed_wrong", "streamed", "plain_wrong", "plain")
NO_REFERENCE = "tool calls were checked against their schemas, but without a reference F1 is not computed"
ONLY_STREAMED = named(
    "tool calls are wrong only when streamed",
    "compare the streaming tool-call parser with the one for whole answers; the model is not the cause",
    explains=("answer-in-reasoning", "answers-empty", "calls-lost"),
)


def f1_of(tp: float, errors: float) -> float | None:
    """F1 from true positives and the sum of false positives and negatives; None when there are neither."""
    return 2 * tp / (2 * tp + errors) if tp or errors else None


def mcc_of(tp: float, fp: float, fn: float, tn: float) -> float | None:
    """Matthews correlation (1975, doi:10.1016/0005-2795(75)90109-9); None when a margin is empty."""
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(product) if product else None


def f1_interval(tp: int, errors: int) -> tuple[float, float]:
    """Interval of F1 = 2J/(1+J) by Wilson's interval of J = TP/(TP+FP+FN), for counts that resampling cannot vary."""
    low, high = wilson(tp / (tp + errors), tp + errors)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def resampled(columns: Sequence[Sequence[int]]) -> Any:
    """Column sums of `RESAMPLES` bootstrap samples: an array of shape (RESAMPLES, columns).

    Samples are drawn whole, so that the epochs of one sample stay together. Few different rows occur, so it is enough
    to draw how often each occurs. `RandomState` keeps its stream in every version of numpy.
    """
    import numpy as np

    rows = np.asarray(columns, dtype=np.int64).T
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    draws = np.random.RandomState(SEED).multinomial(int(counts.sum()), counts / counts.sum(), size=RESAMPLES)
    return draws @ kinds


def _percentiles(values: Any) -> tuple[float, float] | None:
    import numpy as np

    known = values[np.isfinite(values)]
    if not known.size:
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return round(float(low), 6), round(float(high), 6)


def _f1(columns: Columns, missing: Missing) -> Aggregated:
    """Precision, recall, F1, MCC and the rates, with intervals by sample."""
    metrics: dict[str, float] = {}
    rates = [column for pair in RATES.values() for column in pair]
    sums = {name: sum(column) for name, column in columns.items()}
    names = (*CONFUSION, *rates)
    drawn = (
        dict(zip(names, resampled([columns[name] for name in names]).T, strict=True)) if sums["count_responses"] else {}
    )
    for name, (part, whole) in RATES.items():
        if sums[whole]:
            metrics[name] = sums[part] / sums[whole]
            _add_interval(metrics, name, _share_interval(drawn[part], drawn[whole], sums[part], sums[whole]))
    tp, fp, fn, tn = (sums[name] for name in CONFUSION)
    diagnosis = _streaming(sums)
    compared = tp + fp + fn + tn
    if not compared:
        return Aggregated(
            score=None, interval=None, bounds=None, metrics=metrics, diagnosis=diagnosis,
            absent=NO_REFERENCE if sums["count_responses"] else "",
        )  # fmt: skip
    metrics.update(_agreement(sums, drawn))
    score, interval = f1_of(tp, fp + fn), _score_interval(sums, drawn)
    runs = math.ceil(compared / (sums["count_responses"] - missing.sums.get("count_without_reference", 0)))
    metrics.update(_with_failed(tp, fp + fn, missing, runs))
    metrics.update(_with_reference(tp, fp + fn, missing.sums))
    worst, best = _with_missing(tp, fp + fn, missing, missing.answers, runs)
    return Aggregated(
        score=score,
        interval=interval,
        bounds=(worst or 0.0, best if best is not None else 1.0),
        metrics=metrics,
        diagnosis=diagnosis,
        absent="" if score is not None else "neither the endpoint nor the reference called a tool, so there is no F1",
    )


def _share_interval(part: Any, whole: Any, seen: int, of: int) -> tuple[float, float] | None:
    """By resampling; a share of exactly 0 or 1 cannot be resampled, so it gets Wilson's interval."""
    if seen in (0, of):
        return wilson(seen / of, of)
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        return _percentiles(part / whole)


def _score_interval(sums: Mapping[str, int], drawn: Mapping[str, Any]) -> tuple[float, float] | None:
    tp, errors = sums["tp"], sums["fp"] + sums["fn"]
    if not tp and not errors:
        return None
    if not tp or not errors:
        return f1_interval(tp, errors)
    return _share_interval(2 * drawn["tp"], 2 * drawn["tp"] + drawn["fp"] + drawn["fn"], 2 * tp, 2 * tp + errors)


def _agreement(sums: Mapping[str, int], drawn: Mapping[str, Any]) -> dict[str, float]:
    """Precision, recall, MCC and rates of two yes-or-no columns, and the F1 that trivial vendors would reach."""
    import numpy as np

    tp, fp, fn, tn = (sums[name] for name in CONFUSION)
    called, compared = tp + fn, tp + fp + fn + tn
    metrics = {"agreement": (tp + tn) / compared, "never_call_agreement": (fp + tn) / compared,
               "always_call_agreement": called / compared}  # fmt: skip
    always = f1_of(called, fp + tn)
    metrics |= {"always_call_f1": always or 0.0, "never_call_f1": 0.0}
    for name, other in (("tool_call_precision", "fp"), ("tool_call_recall", "fn")):
        if tp + sums[other]:
            metrics[name] = tp / (tp + sums[other])
            interval = _share_interval(drawn["tp"], drawn["tp"] + drawn[other], tp, tp + sums[other])
            _add_interval(metrics, name, interval)
    mcc = mcc_of(tp, fp, fn, tn)
    if mcc is not None:
        metrics["mcc"] = mcc
        a, b, c, d = (drawn[name].astype(float) for name in CONFUSION)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = (a * d - b * c) / np.sqrt((a + b) * (a + c) * (d + b) * (d + c))
        _add_interval(metrics, "mcc", _percentiles(values))
    ceiling = f1_of(sums["self_tp"], sums["self_errors"])
    if ceiling is not None:
        metrics["reference_self_f1"] = ceiling
    return metrics


def _add_interval(metrics: dict[str, float], name: str, interval: tuple[float, float] | None) -> None:
    if interval is not None:
        metrics[f"{name}_low"], metrics[f"{name}_high"] = interval


def _with_failed(tp: int, errors: int, missing: Missing, runs: int) -> dict[str, float]:
    """F1 if every failed request had disagreed with the reference, or agreed; nothing when none failed."""
    if not missing.failed:
        return {}
    worst, best = _with_missing(tp, errors, missing, missing.failed, runs)
    return {
        name: value
        for name, value in (("tool_call_f1_failed_wrong", worst), ("tool_call_f1_failed_right", best))
        if value is not None
    }


def _with_reference(tp: int, errors: int, sums: Mapping[str, int]) -> dict[str, float]:
    """F1 if the reference had called a tool wherever it failed instead; otherwise a failure there counts as no call."""
    agreed, disagreed = sums.get("reference_failed_called", 0), sums.get("reference_failed_no_call", 0)
    value = f1_of(tp + agreed, errors - agreed + disagreed)
    return {"tool_call_f1_reference_called": value} if agreed + disagreed and value is not None else {}


def _with_missing(tp: int, errors: int, missing: Missing, answers: int, runs: int) -> tuple[float | None, float | None]:
    """F1 if so many missing answers had disagreed with the reference, or agreed.

    Where it is not known what the reference did, all of its runs are taken to have called a tool.
    """
    right_tp, right_errors, wrong_tp, wrong_errors = (missing.sums.get(name, 0) for name in MISSED)
    told = missing.sums.get("failed_reference_called", 0) + missing.sums.get("failed_reference_no_call", 0)
    unknown = (answers - told) * runs
    worst = f1_of(tp + wrong_tp, errors + wrong_errors + unknown)
    return worst, f1_of(tp + right_tp + unknown, errors + right_errors)


def _streaming(sums: Mapping[str, int]) -> tuple[Diagnosis, ...]:
    """Whether streamed answers are wrong clearly more often than whole ones: their intervals do not overlap."""
    streamed, plain = sums["streamed"], sums["plain"]
    if not streamed or not plain:
        return ()
    apart = wilson(sums["streamed_wrong"] / streamed, streamed)[0] > wilson(sums["plain_wrong"] / plain, plain)[1]
    if not apart:
        return ()
    count = sums["streamed_wrong"]
    return (
        Diagnosis(
            cause=ONLY_STREAMED.sentence,
            count=count,
            remedy=ONLY_STREAMED.remedy,
            share=round(count / (streamed + plain), 6),
        ),
    )


def _resolved(columns: Columns, missing: Missing) -> Aggregated:
    """Share of resolved instances among the judged ones; the metric is their share of all planned ones."""
    resolved, judged = columns["resolved"], columns["graded"]
    known, done = sum(resolved), sum(judged)
    if not done:
        return Aggregated(score=None, interval=None, bounds=None)
    planned = done + missing.answers
    return Aggregated(
        score=known / done,
        interval=clustered(resolved, judged),
        bounds=(known / planned, (known + missing.answers) / planned),
        metrics={"resolved_of_planned": known / planned},
    )


AGGREGATES: Mapping[str, Aggregate] = {
    "mean": Aggregate(),
    "resolved": Aggregate(columns=("resolved", "graded"), compute=_resolved),
    "f1": Aggregate(
        columns=(
            *CONFUSION,
            *(name for pair in RATES.values() for name in pair),
            *CEILING,
            *STREAMED,
            "count_responses",
        ),
        compute=_f1,
        f1=True,
        term=_f1_term,
        unanswered=_f1_unanswered,
        own=_self_term,
    ),
}
"""Score rules by the name that stands in plans."""


def rule_of(planned: PlannedBenchmark) -> Aggregate:
    """The rule that a planned benchmark names: one of the engine's, or one that the benchmark brings itself.

    Raises:
        NotInstalled: the rule belongs to a benchmark that is not installed here.
        KvvError: the benchmark does not bring it.
    """
    if planned.aggregate in AGGREGATES:
        return AGGREGATES[planned.aggregate]
    found = offered(planned.published) or plugins.score_rules(planned.published)
    if planned.aggregate not in found:
        raise KvvError(f"{planned.published} has no score rule {planned.aggregate!r}; another version of it had")
    return found[planned.aggregate]
