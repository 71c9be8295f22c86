"""What every report says first: the cause that fails the run with what to do, and how reliably answers arrived."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from kvv_action.causes import PAGE, REPOSITORY
from kvv_action.digits import counted, figure, noun
from kvv_action.schema import Delivery, Finding, RunCause, RunReport, Severity, Verdict
from kvv_action.verdict.delivery import kinds_in_words
from kvv_action.verdict.known_causes import cause_of
from kvv_action.verdict.refusals import told_of_all


def first_cause(report: RunReport) -> RunCause | Finding | None:
    """The first cause that fails the run; None where none does. Reports without ordered causes have findings alone."""
    if report.verdict is not Verdict.FAIL:
        return None
    found: tuple[RunCause | Finding, ...] = report.causes or report.findings
    return next((one for one in found if one.severity is Severity.FAILURE), None)


def headline(report: RunReport) -> str:
    """The one cause that fails the run, in a sentence; empty where none is known, and for runs that did not look.

    It is the text that refused everything where no answer shows a failure, else the cause that explains most, else what
    explains most of the first benchmark that fails.
    """
    return "; ".join(filter(None, (_cause_line(report), warned(report))))


def warned(report: RunReport) -> str:
    """Benchmarks that fail without failing the run, with their reasons; empty in reports of earlier versions."""
    if not report.plan.plain_reports:
        return ""
    return "; ".join(
        f"{result.title} only warns: {result.reason}"
        for result in report.benchmarks
        if result.id in report.plan.advisory and result.verdict is Verdict.FAIL
    )


def _cause_line(report: RunReport) -> str:
    looked = report.plan.checks is not None and report.verdict is Verdict.FAIL
    seen = any(one.severity is Severity.FAILURE for one in report.findings)
    if looked and not seen and (refused := told_of_all(report.reason)):
        return refused
    if found := first_cause(report):
        return found.cause
    if not looked:
        return ""
    failed = (result for result in report.benchmarks if result.verdict is Verdict.FAIL and result.diagnosis)
    return next((f"{result.title}: {result.diagnosis[0].cause}" for result in failed), "")


def rest_of(report: RunReport) -> str:
    """The reason of a run without the causes that stand above it; empty where nothing is left."""
    rest = report.reason
    for one in report.findings if report.causes else ():
        if one.severity is Severity.FAILURE:
            rest = rest.removeprefix(one.cause).removeprefix("; ")
    return "" if rest == headline(report) else rest


def why(report: RunReport) -> str:
    """The cause that fails a run and then its reason, in one line; the reason alone where no cause is known."""
    found = headline(report)
    return "; ".join(filter(None, (found, rest_of(report)))) if found else report.reason


def to_do(found: RunCause | Finding) -> str:
    """The remedy, and the exact switch of each engine that has one."""
    switches = "; ".join(f"{engine}: {switch}" for engine, switch in switches_of(found).items())
    return f"{found.remedy} ({switches})" if switches else found.remedy


def switches_of(found: RunCause | Finding) -> Mapping[str, str]:
    """The exact option or setting by engine or gateway; empty where none is known."""
    if isinstance(found, RunCause):
        return found.switches
    cause = cause_of(found.cause_id)
    return cause.switches if cause else {}


def page_of(report: RunReport, cause_id: str) -> str:
    """The address of a cause's section: in the repository that the run used, of the version that it used.

    Outside a GitHub step, or where the facts of one are no address, it is our own repository.
    """
    facts = report.provenance.github
    server, repository, version = (facts.get(name, "") for name in ("server", "action_repository", "action_ref"))
    if not (server.startswith("https://") and repository and version):
        server, repository, version = "https://github.com", REPOSITORY, f"v{report.provenance.version}"
    path, anchor = f"{repository}/blob/{version}/{PAGE}", quote(cause_id, safe="", errors="replace")
    return f"{quote(server, safe='/:', errors='replace')}/{quote(path, errors='replace')}#{anchor}"


def symptoms_of(report: RunReport, cause: RunCause) -> Iterator[str]:
    """What a cause explains, with the number of answers that show it."""
    seen = {one.cause_id: (one.cause, one.count) for one in report.findings}
    seen |= {one.cause_id: (one.cause, one.count) for result in report.benchmarks for one in result.diagnosis}
    for name in cause.symptoms:
        sentence, count = seen.get(name, (name, 0))
        yield f"{sentence} ({count} ×)"


def example_of(report: RunReport, cause: RunCause) -> str:
    """An answer that shows a cause, with its place; empty where the report keeps none."""
    for finding in report.findings:
        if finding.cause_id == cause.cause_id and finding.evidence:
            return f"{finding.evidence[0].sample}: {finding.evidence[0].shown}"
    for result in report.benchmarks:
        for case in result.cases:
            if case.cause == cause.cause and result.id in cause.benchmarks:
                return f"{case.id}: {case.explanation}"
    return ""


def share_of(cause: RunCause) -> str:
    """How much of what fails a cause explains, in words; empty where nothing fails because of it."""
    return f"explains {100 * cause.share:.0f} % of the failing answers" if cause.share else ""


def arrival(delivery: Delivery) -> str:
    """How answers arrived, in one line."""
    whole = delivery.reason if not delivery.broken else _broken(delivery)
    tries = noun(delivery.busy, "try was", "tries were")
    turned_away = f"; {delivery.busy} first {tries} turned away for lack of capacity (429, 503, 529)"
    return whole + (turned_away if delivery.busy else "")


def _broken(delivery: Delivery) -> str:
    share, low, high, first, final = (
        "–" if value is None else f"{100 * value:.1f} %"
        for value in (delivery.share, *delivery.interval, delivery.first_try_rate, delivery.final_rate)
    )
    limits = (
        f"at 99 % confidence at least {low}, at 95 % at most {high}; up to {figure(100 * delivery.limit)} % may break"
    )
    return (
        f"{delivery.broken} of {counted(delivery.requests, 'request')} broke at the first try ({share}; {limits}): "
        f"{kinds_in_words(delivery.kinds)}; {first} were answered at the first try, {final} after "
        f"{counted(delivery.retries, 'retry', 'retries')}"
    )


def seen_in(found: RunCause | Finding) -> str:
    """How many answers show it, and their share."""
    return f"{found.count} of {counted(found.of, 'answer')}" + (
        f", {100 * found.count / found.of:.1f} %" if found.of else ""
    )
