"""The first thing to do after a run: one sentence, from the verdict and the recognised causes."""

from kvv_action.report.text import number, one_line
from kvv_action.schema import BenchmarkResult, FailureKind, RunReport, RunState, Severity, Verdict
from kvv_action.verdict.lead import first_cause, to_do
from kvv_action.verdict.refusals import told_of_all

AGAIN = "run the same command again: it goes on where this run ended"
SHARDS = "ask what is missing (the command of that shard goes on where it ended), then `kvv merge` again"
OTHER_SHARDS = "ask the other shards, on any machine, then make one report: `kvv merge` with the folders of all of them"
LOOK = "read the answers below and ask the same of an official endpoint: no known cause was recognised"
LOST = "find out why requests fail ({cause}), then run the same command again: only what failed is asked anew"
MORE = "ask more (a larger tier, more epochs): the interval holds both outcomes"
ONE = "let the endpoint accept one plain request, which `kvv doctor` sends; its own words say why it does not"
NEEDED = "ask more (a larger tier, more epochs): about {answers} more answers of {title} would settle it"
NEEDED_ONE = "ask more (a larger tier, more epochs): about one more answer of {title} would settle it"
NOTHING = "give something to compare with: a run against the model's official endpoint as reference"


def advice(report: RunReport) -> str:
    """The first step towards a pass; empty after a pass."""
    if report.verdict is Verdict.PASS:
        return ""
    if first := first_cause(report):
        return one_line(to_do(first), 700)
    if report.plan.checks is not None and told_of_all(report.reason):
        return ONE
    failed = [result for result in report.benchmarks if result.verdict is Verdict.FAIL]
    for result in failed:
        for found in result.diagnosis:
            if found.remedy:
                return f"{one_line(found.remedy, 400)} ({one_line(found.cause, 200)})"
    if failed:
        return LOOK
    if report.plan.plain_reports and (told := _of_shards(report)):
        return told
    if report.state is not RunState.COMPLETE:
        return _early(report)
    undecided = [result for result in report.benchmarks if result.verdict is Verdict.INCONCLUSIVE]
    return _of_most_answers(report, undecided) or _undecided(undecided, in_words=report.plan.checks is not None)


def _of_shards(report: RunReport) -> str:
    """What a shard, or a merge that lacks one, still needs; empty for other runs."""
    if report.plan.shard is not None:
        return OTHER_SHARDS if report.state is RunState.COMPLETE else ""
    return SHARDS if report.state_reason.endswith("then merge again") else ""


def _early(report: RunReport) -> str:
    """A run that ended early: go on; unless it was interrupted, name the reason first, which may say so itself.

    Where the reason stands above already, only what it does not say is left.
    """
    if report.state is RunState.INTERRUPTED:
        return AGAIN
    if report.plan.plain_reports and report.state_reason and report.reason.endswith(report.state_reason):
        return "" if any(words in report.reason for words in ("run again", "goes on")) else AGAIN
    reason = one_line(report.state_reason, 500)
    return reason if "run again" in report.state_reason else f"{reason.rstrip('.')}; then {AGAIN}"


def _of_most_answers(report: RunReport, undecided: list[BenchmarkResult]) -> str:
    """What to do about a warning that most answers show, where probes cannot be judged; empty in older reports.

    To ask again would change nothing.
    """
    lost = [failure for result in undecided for failure in result.failures if report.plan.plain_reports]
    if not lost or max(lost, key=lambda failure: failure.count).kind is not FailureKind.UNDECIDED:
        return ""
    warnings = (one for one in report.findings if one.severity is Severity.WARNING and 2 * one.count > one.of)
    return next((one_line(f"{to_do(one)} ({one.cause})", 700) for one in warnings), "")


def _undecided(results: list[BenchmarkResult], *, in_words: bool) -> str:
    """The most important reason why nothing could be concluded; reports of older plans keep theirs, without words."""
    lost = [failure for result in results for failure in result.failures]
    if lost:
        most = max(lost, key=lambda failure: failure.count) if in_words else lost[0]
        words = f": {one_line(most.example, 160)}" if in_words else ""
        return LOST.format(cause=f"{most.count} × {most.kind}{words}")
    results = [result for result in results if not result.orientation] or results
    for result in results:
        if result.measurement is not None and (told := _measured(result)):
            return told
    if all(result.orientation for result in results) and results:
        return NOTHING
    for result in results:
        needed = result.comparison.needed if result.comparison is not None else None
        if needed is not None:
            told = NEEDED_ONE if needed == 1 else NEEDED
            return told.format(answers=number(needed), title=one_line(result.title, 60))
    return MORE if results else ""


def _measured(result: BenchmarkResult) -> str:
    """What to do where a measurement decides nothing: what single answers show, or why it does not count."""
    for found in result.diagnosis:
        if found.remedy:
            return f"{one_line(found.remedy, 400)} ({one_line(found.cause, 200)})"
    advisory = result.measurement.advisory if result.measurement else ""
    return one_line(advisory, 400)
