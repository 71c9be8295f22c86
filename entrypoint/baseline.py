"""The baseline of a run: found before anything is sent, and compared with when every answer is there."""

import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from entrypoint.bundling import opened
from entrypoint.comparison import EXIT, print_comparison
from entrypoint.console import harmless
from entrypoint.outputs import write_reports
from entrypoint.prepare import load_profile
from kvv_action.compare.files import inserted
from kvv_action.compare.judge import Subject, compare, refusals, subject
from kvv_action.compare.markdown import MARKS, QUESTION
from kvv_action.compare.records import Regression, RunComparison
from kvv_action.compare.side import captures_in, find_report, of_journal, read, read_report
from kvv_action.errors import KvvError, Problem, UsageError, nearest
from kvv_action.github.annotations import Annotation, AnnotationLevel
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL, REPORT
from kvv_action.report.markdown import SummaryInsert
from kvv_action.report.markdown.escape import text
from kvv_action.report.text import visible
from kvv_action.schema import RunReport
from kvv_action.settings import Settings, out_directory

INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineResult:
    """What came of a baseline.

    Attributes:
        comparison: None when there is no baseline, or the comparison failed.
        missing: there is no baseline yet; that is no fault of this run.
        notice: why there is no comparison.
    """

    comparison: RunComparison | None = None
    missing: bool = False
    notice: str = ""

    @property
    def regression(self) -> Regression:
        """The answer."""
        return self.comparison.regression if self.comparison else Regression.UNKNOWN


def find(settings: Settings, *, demonstration: bool = False) -> Path | None:
    """The baseline that the settings name, checked before anything is sent; None without one, or with none there yet.

    Raises:
        UsageError: it is broken, is of another model or profile, or is the run's own folder.
    """
    path = Path(settings.baseline)
    if not settings.baseline:
        return None
    try:
        with opened(path) as evidence:
            source = find_report(evidence.folder)
            if source is None:
                return None
            problem = _unusable(settings, source, demonstration=demonstration)
    except KvvError as error:
        problem = f"It is there, but cannot be read: {error}."
    if problem:
        raise UsageError([Problem(name="baseline", value=settings.baseline, allowed=problem)])
    return path


def _unusable(settings: Settings, source: Path, *, demonstration: bool) -> str:
    if source.resolve() == (out_directory(settings) / REPORT).resolve():
        return "It is the out folder of this run; name another folder, or copy the earlier run."
    profile = load_profile(settings)
    mine = Subject(model=settings.model or profile.model, profile=profile.name, demonstration=demonstration)
    refused = refusals(subject(read_report(source)), mine)
    return f"{'; '.join(refused)}. `kvv compare --force` compares such runs." if refused else ""


def against(settings: Settings, path: Path | None, report: RunReport, redactor: Redactor) -> BaselineResult | None:
    """Compare a finished run with its baseline, and write the reports again with the answer first.

    None without a baseline. A comparison that fails does not touch the run's own reports.
    """
    if not settings.baseline:
        return None
    if path is None:
        return BaselineResult(missing=True, notice=_nothing_at(settings.baseline))
    out = out_directory(settings)
    try:
        mine = replace(of_journal(report, out / JOURNAL), captures=captures_in(out))
        tolerance = settings.baseline_tolerance
        with opened(path) as evidence:
            comparison = compare(read(evidence.folder), mine, tolerance=tolerance / 100 if tolerance else None)
        write_reports(out, report, redactor, comparison)
    except (KvvError, OSError) as error:
        return BaselineResult(notice=f"the comparison with {visible(settings.baseline)} failed: {error}")
    return BaselineResult(comparison=comparison)


def _nothing_at(baseline: str) -> str:
    """That no run is there: right before the first one, and else a name that was mistyped."""
    path, where = Path(baseline), visible(baseline)
    if path.exists():
        return f"there is no run at {where} yet (it has neither {REPORT} nor {JOURNAL}), so nothing was compared"
    around = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
    guess = nearest(path.name, around)
    hint = f" Did you mean {visible(str(path.with_name(guess)))!r}?" if guess else ""
    known = "" if path.parent.is_dir() else f", and no folder {visible(str(path.parent))} either"
    told = f"there is no run at {where} yet, so nothing was compared: no such file or folder{known}."
    return f"{told} That is right before the first run; otherwise check the spelling.{hint}"


def print_against(found: BaselineResult, stream: TextIO | None = None) -> None:
    """What came of a run's baseline."""
    stream = stream or sys.stdout
    if found.comparison is not None:
        print_comparison(found.comparison, stream)
    else:
        with suppress(OSError):  # nobody reads; the verdict stands all the same
            stream.write(f"Regression: {found.regression}: {harmless(found.notice, 500)}\n")


def annotations(found: BaselineResult | None) -> list[Annotation]:
    """The answer as an annotation; a baseline that is not there yet is only a notice."""
    if found is None:
        return []
    if found.comparison is None:
        level = AnnotationLevel.NOTICE if found.missing else AnnotationLevel.WARNING
        return [Annotation(level=level, title="kvv: no comparison", message=found.notice)]
    levels = {
        Regression.NONE: AnnotationLevel.NOTICE,
        Regression.REGRESSION: AnnotationLevel.ERROR,
        Regression.UNKNOWN: AnnotationLevel.WARNING,
    }
    message = "\n".join(text for text in (found.comparison.headline, found.comparison.reason) if text)
    return [Annotation(level=levels[found.regression], title=f"kvv: {QUESTION}", message=message)]


def inserted_by(found: BaselineResult | None) -> SummaryInsert | None:
    """What the summary of the run begins with."""
    if found is None:
        return None
    if found.comparison is None:
        return SummaryInsert(head=f"> {MARKS[found.regression]} {QUESTION} Not known: {text(found.notice, 500)}\n\n")
    return inserted(found.comparison)


def combined(status: int, found: BaselineResult | None, fail_on: str) -> int:
    """The exit status: the worse of the run's own and that of the comparison with the baseline.

    A regression is a fail; an unknown one counts as inconclusive, unless there is no baseline yet.
    """
    if found is None or found.missing or status == INTERRUPTED or fail_on == "never":
        return status
    code = EXIT[found.regression]
    if code == 3 and fail_on == "fail":
        code = 0
    return 1 if 1 in (status, code) else status or code
