"""A check's report as text for a terminal, as markdown for a comment, and as JSON for programs."""

from collections.abc import Iterator

import orjson
from pydantic import TypeAdapter, ValidationError

from kvv_action.digits import counted
from kvv_action.errors import KvvError
from kvv_action.leaderboard.findings import CheckFinding, CheckReport, FileFindings, FindingLevel
from kvv_action.leaderboard.strict import mistake, refuse_ambiguous
from kvv_action.report.files import canonical
from kvv_action.report.markdown.escape import text
from kvv_action.report.text import one_line

MARK = "<!-- kvv-leaderboard-check -->"
"""Identifies our comment, so that the next check edits it."""
LONGEST = 512 * 1024
"""The most bytes of a report that is read."""
MOST = 200
"""The most findings in a comment."""
SIGNS = {FindingLevel.ERROR: "❌", FindingLevel.WARNING: "⚠️", FindingLevel.NOTE: "ℹ️"}


def lines(report: CheckReport) -> Iterator[str]:
    """For a terminal: a line for each finding, then the end."""
    for finding in report.general:
        yield f"{finding.level}: {one_line(finding.message, 600)}"
    for judged in report.files:
        name = one_line(judged.path, 200)
        if not judged.findings:
            yield f"ok: {name}"
        for finding in judged.findings:
            yield f"{finding.level}: {name}: {one_line(finding.message, 600)}"
    refused = sum(judged.refused for judged in report.files)
    tiers = sorted({str(judged.verified) for judged in report.files if judged.verified and not judged.refused})
    yield (
        f"{counted(len(report.files), 'file')}, {refused} refused"
        + (f"; verified: {', '.join(tiers)}" if tiers else "")
        + ("" if report.accepted else "; not accepted")
    )


def dump(report: CheckReport) -> bytes:
    """The report as JSON; the same report gives the same bytes."""
    return canonical(report)


def markdown(report: CheckReport) -> str:
    """The report as a comment; all untrusted text is escaped."""
    head = "✅ **The submission passes every check**" if report.accepted else "❌ **The submission is not accepted**"
    if not report.files and report.accepted:
        head = "ℹ️ **No result is submitted here**"
    parts = [MARK, f"{head}\n", *map(_line, report.general)]
    left = MOST
    for judged in report.files:
        if left <= 0:
            parts.append("- … and more; the check's log has everything")
            break
        parts.append(_of_file(judged, left))
        left -= max(1, len(judged.findings))
    return "\n".join(parts)[:60_000] + "\n"


def _of_file(judged: FileFindings, left: int) -> str:
    tier = ""
    if judged.verified is not None and not judged.refused:
        tier = f", verified as *{judged.verified}*" + (
            f" (claimed *{judged.claimed}*)" if judged.claimed != judged.verified else ""
        )
    sign = SIGNS[FindingLevel.ERROR] if judged.refused else "✅"
    shown = [f"\n{sign} <code>{text(judged.path, 200)}</code>{tier}\n", *map(_line, judged.findings[:left])]
    return "\n".join(shown)


def _line(finding: CheckFinding) -> str:
    return f"- {SIGNS[finding.level]} {text(finding.message, 600)}"


_ADAPTER: TypeAdapter[CheckReport] = TypeAdapter(CheckReport)


def load(data: bytes, where: str) -> CheckReport:
    """A report that an untrusted job wrote: its form is checked, and its texts are escaped wherever they are shown.

    Raises:
        KvvError: it is too large, ambiguous, or no report.
    """
    problem = f"has more than {LONGEST} bytes" if len(data) > LONGEST else refuse_ambiguous(data)
    if problem:
        raise KvvError(f"{where}: {one_line(problem)}")
    try:
        value = orjson.loads(data)
        value.pop("accepted", None)  # follows from the findings
        return _ADAPTER.validate_json(orjson.dumps(value))
    except ValidationError as error:
        raise KvvError(f"{where}: {mistake(error)}") from None
