"""What every report says first: the cause that fails the run with what to do, and how reliably answers arrived."""

from kvv_action.schema import Delivery, Finding, RunReport, Severity, Verdict
from kvv_action.verdict.delivery import kinds_in_words
from kvv_action.verdict.known_causes import cause_of
from kvv_action.verdict.refusals import told_of_all


def first_cause(report: RunReport) -> Finding | None:
    """The first finding that fails the run; None where none does."""
    if report.verdict is not Verdict.FAIL:
        return None
    return next((one for one in report.findings if one.severity is Severity.FAILURE), None)


def headline(report: RunReport) -> str:
    """The one cause that fails the run, in a sentence; empty where none is known.

    It is the first failing finding, else the text that refused everything, else what explains most of the first
    benchmark that fails. Runs whose plan does not ask for findings have none, so that their reports keep their bytes.
    """
    if found := first_cause(report):
        return found.cause
    if report.plan.checks is None or report.verdict is not Verdict.FAIL:
        return ""
    if refused := told_of_all(report.reason):
        return refused
    failed = (result for result in report.benchmarks if result.verdict is Verdict.FAIL and result.diagnosis)
    return next((f"{result.title}: {result.diagnosis[0].cause}" for result in failed), "")


def to_do(found: Finding) -> str:
    """The remedy, and the exact switch of each engine that has one."""
    cause = cause_of(found.cause_id)
    switches = "; ".join(f"{engine}: {switch}" for engine, switch in cause.switches.items()) if cause else ""
    return f"{found.remedy} ({switches})" if switches else found.remedy


def arrival(delivery: Delivery) -> str:
    """How answers arrived, in one line."""
    whole = delivery.reason if not delivery.broken else _broken(delivery)
    turned_away = f"; {delivery.busy} first tries were turned away for lack of capacity (429, 503, 529)"
    return whole + (turned_away if delivery.busy else "")


def _broken(delivery: Delivery) -> str:
    share, low, high, first, final = (
        "–" if value is None else f"{100 * value:.1f} %"
        for value in (delivery.share, *delivery.interval, delivery.first_try_rate, delivery.final_rate)
    )
    limits = f"limits {low} and {high}; at most {100 * delivery.limit:g} % may"
    return (
        f"{delivery.broken} of {delivery.requests} requests broke at the first try ({share}, {limits}): "
        f"{kinds_in_words(delivery.kinds)}; {first} were answered at the first try, {final} after {delivery.retries} "
        "retries"
    )


def seen_in(found: Finding) -> str:
    """How many answers show a finding, and their share."""
    return f"{found.count} of {found.of} answers" + (f", {100 * found.count / found.of:.1f} %" if found.of else "")
