"""`junit.xml`: a suite per benchmark.

Contract probes pass or fail. A benchmark has one `verdict` case with the failure and the numbers. Wrong answers of a
scored benchmark are passing cases with a score property, so that a 99 % run is not red. `error` is an infrastructure
failure; `skipped` has a reason. What was seen over all answers is a suite of its own, if the run looked for it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from xml.etree import ElementTree

from junit_xml import TestCase, TestSuite

from kvv_action.digits import figure
from kvv_action.report.files import plain
from kvv_action.report.text import one_line, percent, visible
from kvv_action.schema import (
    BenchmarkKind,
    BenchmarkResult,
    Case,
    Comparison,
    Counts,
    Delivery,
    Finding,
    Measurement,
    Outcome,
    RunCause,
    RunReport,
    Saved,
    Severity,
    Verdict,
)
from kvv_action.verdict.lead import arrival, example_of, page_of, seen_in, share_of, symptoms_of, to_do

VERDICT_CASE = "verdict"
FINDINGS_SUITE = "findings"


def junit(report: RunReport) -> bytes:
    """The whole file, UTF-8."""
    root = ElementTree.Element("testsuites", {"name": "kvv"})
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    time = 0.0
    for suite in (*_over_all_answers(report), *(_suite(report, result) for result in report.benchmarks)):
        for name in totals:
            totals[name] += int(suite.get(name, "0"))
        time += float(suite.get("time", "0"))
        root.append(suite)
    for name, value in totals.items():
        root.set(name, str(value))
    root.set("time", f"{time:.3f}")
    ElementTree.indent(root)
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _over_all_answers(report: RunReport) -> Iterator[ElementTree.Element]:
    """A case for delivery and one per finding: a failure, or what is told."""
    if report.delivery is None and not (report.findings or report.causes):
        return
    roots = {one.cause_id for one in report.causes}
    cases = [_cause_case(report, one) for one in report.causes]
    cases += [_delivery_case(report.delivery)] if report.delivery else []
    cases += [_finding_case(one, roots) for one in report.findings if one.cause_id not in roots]
    suite = TestSuite(FINDINGS_SUITE, cases, timestamp=report.timing.started.replace("+00:00", ""))
    element: ElementTree.Element = suite.build_xml_doc()
    yield element


def _delivery_case(delivery: Delivery) -> TestCase:
    """How answers arrived; where that fails the run, the case of the finding fails."""
    return TestCase("delivery", classname=FINDINGS_SUITE, stdout=visible(arrival(delivery), 2000))


def _cause_case(report: RunReport, found: RunCause) -> TestCase:
    """A cause with what to do and what it explains."""
    lines = [f"what to do: {to_do(found)}", f"about this cause: {page_of(report, found.cause_id)}", share_of(found)]
    lines += [f"benchmarks: {', '.join(found.benchmarks)}"]
    lines += [f"for example {example}"] if (example := example_of(report, found)) else []
    lines += [f"explains: {symptom}" for symptom in symptoms_of(report, found)]
    return _told(found, lines, fails=found.severity is Severity.FAILURE)


def _finding_case(found: Finding, roots: Collection[str]) -> TestCase:
    """A finding; where causes are ordered, another cause explains it."""
    lines = [f"what to do: {to_do(found)}", f"benchmarks: {', '.join(found.benchmarks)}"]
    lines += [f"{one.benchmark} {one.sample}, epoch {one.epoch}: {one.shown}" for one in found.evidence[:5]]
    return _told(found, lines, fails=found.severity is Severity.FAILURE and not roots)


def _told(found: RunCause | Finding, lines: Sequence[str], *, fails: bool) -> TestCase:
    case = TestCase(one_line(found.cause_id, 200), classname=FINDINGS_SUITE)
    told = f"{visible(found.cause, 1000)} ({seen_in(found)})"
    output = "\n".join(one_line(line, 1000) for line in lines if line)
    if fails:
        case.add_failure_info(message=told, output=output, failure_type=one_line(found.cause_id, 200))
    else:
        case.stdout = f"{found.severity}: {told}\n{output}"
    return case


def _suite(report: RunReport, result: BenchmarkResult) -> ElementTree.Element:
    cases = result.cases
    remedies = {found.cause: found.remedy for found in result.diagnosis} if report.plan.plain_reports else {}
    tests = [_verdict_case(report, result), *(_case(result, case, remedies) for case in cases)]
    counts = result.counts
    properties = {
        "verdict": result.verdict,
        "score": "" if result.score is None else f"{result.score:.6f}",
        **{f"count.{name}": getattr(counts, name) for name in counts.__slots__ if name != "refused" or counts.refused},
        **{f"metric.{name}": f"{value:.6f}" for name, value in result.metrics.items()},
        "dataset": one_line(f"{result.dataset.source} {result.dataset.location} {result.dataset.digest[:16]}"),
        "cases_omitted": result.cases_omitted,
        **{f"comparison.{name}": value for name, value in _fields(result).items()},
    }
    suite = TestSuite(
        result.id,
        tests,
        hostname=one_line(report.endpoint.vendor),
        package=one_line(report.endpoint.model),
        timestamp=report.timing.started.replace("+00:00", ""),
        properties={name: str(value) for name, value in properties.items()},
    )
    element: ElementTree.Element = suite.build_xml_doc()
    for testcase, case in zip(element.findall("testcase"), [None, *cases], strict=True):
        if case is not None:
            _add_properties(testcase, case)
    return element


def _verdict_case(report: RunReport, result: BenchmarkResult) -> TestCase:
    case = TestCase(VERDICT_CASE, classname=result.id)
    numbers = (
        f"score {percent(result.score)}, interval {_pair(result.interval)}, bounds {_pair(result.bounds)}, "
        f"reference {percent(result.reference)}, margin {percent(result.margin)}"
    )
    measured = replace(result.measurement, items=()) if result.measurement else None
    shown = _in_words if report.plan.plain_reports else str
    records = (result.counts, result.comparison, result.saved, measured)
    numbers = "\n".join([numbers, *(shown(one) for one in records if one is not None)])
    reason, why = visible(result.reason, 2000), _why(report, result)
    match result.verdict:
        case Verdict.FAIL:
            case.add_failure_info(
                message="; ".join((reason, *why)), output="\n".join((*why, numbers)), failure_type="verdict"
            )
        case Verdict.INCONCLUSIVE if result.orientation:
            case.add_skipped_info(message=f"not judged: {reason}", output=numbers)
        case Verdict.INCONCLUSIVE:
            case.add_error_info(message=reason, output=numbers, error_type="inconclusive")
        case Verdict.SKIPPED:
            case.add_skipped_info(message=reason)
    return case


def _in_words(record: Counts | Comparison | Saved | Measurement) -> str:
    """The single values of a record by their names: `planned 45, sent 45`."""
    values = {one.name.replace("_", " "): getattr(record, one.name) for one in fields(record)}
    told = {name: _value(value) for name, value in values.items()}
    return ", ".join(f"{name} {value}" for name, value in told.items() if value)


def _value(value: object) -> str:
    """A single value for a reader; empty for what is none."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return figure(value)
        case int() | str():
            return str(value)
    return ""


def _why(report: RunReport, result: BenchmarkResult) -> list[str]:
    """Cause and remedy of a benchmark that fails, the first of them; none in reports of older runs."""
    if not report.plan.plain_reports or not result.diagnosis:
        return []
    first = result.diagnosis[0]
    return [f"cause: {one_line(first.cause, 1000)}"] + (
        [f"what to do: {one_line(first.remedy, 1000)}"] if first.remedy else []
    )


def _fields(result: BenchmarkResult) -> dict[str, object]:
    """The fields of the comparison that are written in report.json; empty without one."""
    found = result.comparison
    return {} if found is None else asdict(plain(found))


def _pair(pair: tuple[float, float] | None) -> str:
    return "–" if pair is None else f"{percent(pair[0])} to {percent(pair[1])}"


def _case(result: BenchmarkResult, case: Case, remedies: Mapping[str, str]) -> TestCase:
    epoch = f" [epoch {case.epoch}]" if result.epochs > 1 else ""
    test = TestCase(one_line(case.id, 200) + epoch, classname=result.id, elapsed_sec=case.seconds)
    explanation, cause = visible(case.explanation, 1000), one_line(case.cause)
    if case.outcome is Outcome.FAILED:
        test.add_error_info(message=explanation or cause, error_type=cause)
    elif result.kind is BenchmarkKind.CONTRACT and case.outcome is not Outcome.RIGHT:
        remedy = one_line(remedies.get(case.cause, ""), 1000)
        why = [f"cause: {cause}", f"what to do: {remedy}"] if cause and remedy else []
        test.add_failure_info(
            message="; ".join((*why, explanation)) if why else explanation or "the contract does not hold",
            output="\n\n".join(filter(None, ("\n".join(why), _evidence(case)))),
            failure_type=cause or "contract",
        )
    return test


def _evidence(case: Case) -> str:
    """The requests of a failed probe with their responses."""
    parts = []
    for one in case.evidence:
        parts.append(f"request {visible(one.request_id, 200)}\n{visible(one.request, 2000)}")
        parts.append(f"response\n{visible(one.response, 2000)}")
    return "\n\n".join(parts)


def _add_properties(element: ElementTree.Element, case: Case) -> None:
    """Add properties to a case as its first child; junit-xml itself supports them only for suites."""
    properties = ElementTree.Element("properties")
    values = {
        "outcome": str(case.outcome),
        "score": "" if case.value is None else figure(case.value),
        "answer": one_line(case.answer),
        "finish_reason": one_line(case.finish_reason),
        "category": one_line(case.category),
        "explanation": one_line(case.explanation) if case.outcome in (Outcome.WRONG, Outcome.PARTIAL) else "",
    }
    for name, value in values.items():
        if value:
            ElementTree.SubElement(properties, "property", {"name": name, "value": value})
    element.insert(0, properties)
