"""The GitHub step: inputs in; outputs, summary, annotations and an exit status out.

Secrets are masked before anything else can print. Whatever the run prints stands between `stop-commands` and its
token, so that no text of an endpoint can give the runner orders; only then come the annotations.
"""

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from kvv_action.github import commands, context

if TYPE_CHECKING:
    from entrypoint.baseline import Against
    from entrypoint.bundling import Bundled
    from entrypoint.publication import Published
    from kvv_action.errors import Problem
    from kvv_action.github.annotations import Annotation
    from kvv_action.redact import Redactor
    from kvv_action.schema import RunReport
    from kvv_action.settings import Settings

OK, USAGE, INTERRUPTED = 0, 2, 130
NO_KEY = "There is no api-key, so nothing was verified; this is not a pass."
FORK = " Pull requests from forks have no secrets."
NO_KEY_HINT = " Set api-key from a secret. For an endpoint without keys, set it to EMPTY. The README says more."
_SHELL = str.maketrans({"`": "'", "$": "", "\\": "/", '"': "'"})
"""`reason` is quoted in people's scripts; what a shell would act on inside quotes is taken out of it."""


class Stopped(BaseException):
    """SIGINT or SIGTERM outside the run, which has handlers of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the step tells GitHub.

    Attributes:
        folder: where reports are, None when there is none.
        summary: for the step summary, when there is no report.
        further: outputs of a command that verifies nothing.
    """

    status: int
    verdict: str
    reason: str
    annotations: "Sequence[Annotation]" = ()
    summary: str = ""
    report: "RunReport | None" = None
    folder: Path | None = None
    scores: dict[str, str] = field(default_factory=dict)
    baseline: "Against | None" = None
    published: "Published | None" = None
    bundle: "Bundled | None" = None
    further: dict[str, str] = field(default_factory=dict)


def main() -> int:
    """Run the step.

    Returns:
        The process's status: 0 pass or skipped, 1 fail, 2 wrong input, 3 inconclusive, 130 interrupted.
    """
    _on_signals(_stop)
    secrets = context.secrets()
    _print(*(mask for secret in secrets for mask in commands.add_masks(secret)))
    try:
        return _step(secrets)
    except Stopped:
        return INTERRUPTED


def _step(secrets: Sequence[str]) -> int:
    from kvv_action.redact import Redactor

    step, redactor = context.read(), Redactor(secrets)
    with _commands_stopped():
        outcome = _outcome(step, redactor)
    _on_signals(signal.SIG_IGN)  # what is left takes milliseconds
    _print(*(str(annotation.edited(redactor.text)) for annotation in outcome.annotations))
    _publish(step, outcome, redactor)
    return outcome.status


def _outcome(step: context.Context, redactor: "Redactor") -> Outcome:
    """The run's outcome; every error becomes one that is explained."""
    from kvv_action.errors import KvvError, UsageError
    from kvv_action.github.log import harmless

    try:
        os.chdir(step.workspace)  # paths in inputs are relative to it
        return _verify(step, redactor)
    except UsageError as error:
        return _wrong_inputs(error.problems)
    except KvvError as error:
        return _broken("cannot go on", str(error))
    except (Stopped, KeyboardInterrupt):
        return _broken("interrupted", "Stopped before anything was verified.", status=INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last boundary: a defect must not print secrets
        harmless(sys.stdout, redactor.text).write(traceback.format_exc())
        return _broken("internal error", f"{type(error).__name__}; the log of this step has the details.")


def _verify(step: context.Context, redactor: "Redactor") -> Outcome:
    from kvv_action import __version__
    from kvv_action.github.workspace import handed_over, out_folder
    from kvv_action.settings import load, misspelt_variables

    settings = load()
    for problem in misspelt_variables():
        _print(redactor.text(commands.inert(str(problem))))
    if settings.command == "run" and not settings.api_key.get_secret_value():
        return _without_key(step)
    folder = out_folder(step.workspace, settings.out)
    where = f" at {settings.base_url}" if settings.command == "run" else ""
    _print(f"kvv-action {__version__}: {commands.inert(f'{settings.command} {settings.model}{where}')}")
    caches = [Path(settings.dataset_cache).absolute()] if settings.dataset_cache else []
    mine = [cache for cache in caches if cache.resolve().is_relative_to(step.workspace.resolve())]
    with handed_over(step.workspace, folder, *mine):
        match settings.command:
            case "plan":
                return _planned(settings, redactor)
            case "merge":
                return _merged(settings, folder, redactor)
            case "submit":
                return _proposed(settings, folder, redactor)
        return _run(step, settings, folder, redactor)


def _planned(settings: "Settings", redactor: "Redactor") -> Outcome:
    """How a run is best divided; nothing is sent, so there is no verdict."""
    from entrypoint.division import divide
    from entrypoint.outlook_table import show
    from kvv_action.github.log import harmless
    from kvv_action.report.markdown import text

    division, outlook = divide(settings)
    show(outlook, harmless(sys.stdout, redactor.text))
    summary = f"## 🗂️ kvv: plan\n\n{text(division.told(), 500)}\n"
    return Outcome(status=OK, verdict="", reason=division.told(), summary=summary, further=division.outputs())


def _merged(settings: "Settings", folder: Path, redactor: "Redactor") -> Outcome:
    """One report of all shards; it is treated like that of a run."""
    from entrypoint.baseline import find
    from entrypoint.merging import merge
    from entrypoint.publication import require

    earlier = find(settings)
    require(settings)
    report = merge([Path(settings.shards)], folder, fresh=settings.fresh)
    return _finished(report, settings, folder, redactor, earlier)


def _proposed(settings: "Settings", folder: Path, redactor: "Redactor") -> Outcome:
    """The run in `out`, as an earlier step or job left it, goes to the leaderboard."""
    from entrypoint.evidence import read
    from entrypoint.publication import require

    require(settings, always=True)
    report = read(folder).report
    return _submitted(_concluded(report, OK, folder), settings, folder, redactor)


def _run(step: context.Context, settings: "Settings", folder: Path, redactor: "Redactor") -> Outcome:
    from entrypoint.baseline import find
    from entrypoint.compose import run_verification
    from entrypoint.console import LogObserver
    from entrypoint.publication import require
    from kvv_action.github.log import harmless

    log = harmless(sys.stdout, redactor.text)
    earlier = find(settings)
    require(settings)
    try:
        report = run_verification(settings, LogObserver(log, redactor), github=step.github)
        return _finished(report, settings, folder, redactor, earlier)
    except (Stopped, KeyboardInterrupt):
        rescued = _rescued(folder, redactor)
        if rescued is None:
            raise
        return _concluded(rescued, INTERRUPTED, folder)


def _finished(
    report: "RunReport", settings: "Settings", folder: Path, redactor: "Redactor", earlier: Path | None
) -> Outcome:
    """What comes after a run, or after a merge: comparison, bundle, submission."""
    from entrypoint.baseline import against, combined, print_against
    from entrypoint.compose import exit_code
    from entrypoint.console import print_report
    from kvv_action.github.log import harmless

    log = harmless(sys.stdout, redactor.text)
    found = against(settings, earlier, report, redactor)
    print_report(report, settings.out, log)
    print_against(found, log)
    status = combined(exit_code(report, settings.fail_on), found, settings.fail_on)
    outcome = _packed(_concluded(report, status, folder, found), settings, folder, redactor)
    return _submitted(outcome, settings, folder, redactor) if settings.leaderboard_repo else outcome


def _packed(outcome: Outcome, settings: "Settings", folder: Path, redactor: "Redactor") -> Outcome:
    """The outcome with its bundle; a step that was to pack the evidence and could not does not pass."""
    from entrypoint.bundling import bundle
    from kvv_action.errors import KvvError
    from kvv_action.github.annotations import Annotation, Level, limited

    if settings.bundle == "off" or outcome.status == INTERRUPTED:
        return outcome
    try:
        done = bundle(folder, redact=settings.bundle == "redacted", secrets=redactor)
    except KvvError as error:
        told = Annotation(level=Level.ERROR, title="kvv: no bundle", message=str(error))
        annotations = limited([told, *outcome.annotations])
        return replace(outcome, status=outcome.status or USAGE, annotations=annotations)
    _print(redactor.text(commands.inert(f"bundle: {done.path.name}, sha256:{done.archive.sha256}")))
    return replace(outcome, bundle=done)


def _submitted(outcome: Outcome, settings: "Settings", folder: Path, redactor: "Redactor") -> Outcome:
    """The outcome with what became of its submission: a step that could not submit does not pass."""
    from entrypoint.publication import STOPPED, submitted
    from kvv_action.github.annotations import limited
    from kvv_action.github.log import harmless

    try:
        published = submitted(settings, folder, redactor, harmless(sys.stdout, redactor.text))
    except (Stopped, KeyboardInterrupt):
        published = STOPPED
    annotations = limited([published.annotation, *outcome.annotations])
    status = outcome.status or published.status
    return replace(outcome, status=status, annotations=annotations, published=published)


def _rescued(folder: Path, redactor: "Redactor") -> "RunReport | None":
    """The report of a journal that was cut short while nobody was listening for signals."""
    from entrypoint.outputs import write_reports
    from kvv_action.errors import KvvError
    from kvv_action.report.files import JOURNAL
    from kvv_action.schema import RunState
    from kvv_action.verdict.report import build

    _on_signals(signal.SIG_IGN)
    try:
        report = build(folder / JOURNAL)
        if report.state is RunState.COMPLETE:  # an earlier run's
            return None
        write_reports(folder, report, redactor)
    except (KvvError, OSError):
        return None
    return report


def _concluded(report: "RunReport", status: int, folder: Path, baseline: "Against | None" = None) -> Outcome:
    from entrypoint.baseline import annotations
    from kvv_action.github.annotations import limited, of_report

    scores = {one.id: "" if one.score is None else f"{one.score:.4f}" for one in report.benchmarks}
    return Outcome(
        status=status, verdict=report.verdict, reason=report.reason,
        annotations=limited([*annotations(baseline), *of_report(report)]), report=report,
        folder=folder, scores=scores, baseline=baseline,
    )  # fmt: skip


def _without_key(step: context.Context) -> Outcome:
    from kvv_action.github.annotations import Annotation, Level

    reason = NO_KEY + (FORK if step.fork else "")
    notice = Annotation(level=Level.NOTICE, title="kvv: skipped", message=reason + NO_KEY_HINT)
    summary = f"## ⏭️ kvv: skipped\n\n{reason}{NO_KEY_HINT}\n"
    return Outcome(status=OK, verdict="skipped", reason=reason, annotations=[notice], summary=summary)


def _wrong_inputs(problems: "Sequence[Problem]") -> Outcome:
    from kvv_action.github.annotations import of_problems
    from kvv_action.report.markdown import text

    listed = "\n".join(f"- {text(str(problem), 1000)}" for problem in problems)
    return Outcome(
        status=USAGE, verdict="inconclusive", reason=str(problems[0]), annotations=of_problems(problems),
        summary=f"## ⚠️ kvv: wrong inputs\n\nNothing was sent.\n\n{listed}\n",
    )  # fmt: skip


def _broken(title: str, message: str, status: int = USAGE) -> Outcome:
    from kvv_action.github.annotations import Annotation, Level
    from kvv_action.report.markdown import text

    error = Annotation(level=Level.ERROR, title=f"kvv: {title}", message=message)
    return Outcome(
        status=status, verdict="inconclusive", reason=message, annotations=[error],
        summary=f"## ⚠️ kvv: {title}\n\n{text(message, 2000)}\n",
    )  # fmt: skip


def _publish(step: context.Context, outcome: Outcome, redactor: "Redactor") -> None:
    """Outputs, then the step summary; a file that cannot be written is reported, the verdict stands."""
    from kvv_action.github.files import append_summary, write_outputs

    try:
        if step.output is not None:
            write_outputs(step.output, {name: redactor.text(value) for name, value in outputs(step, outcome).items()})
        if step.step_summary is not None:
            append_summary(step.step_summary, redactor.text(_summary(outcome, step.step_summary)))
    except OSError as error:
        _print(commands.command("warning", f"Outputs or summary cannot be written: {error}", title="kvv"))


def outputs(step: context.Context, outcome: Outcome) -> dict[str, str]:
    """Every output that action.yml names, in that order."""
    from benchmarks.registry import IDS
    from kvv_action.compare.files import COMPARE_JSON
    from kvv_action.github.manifest import OUTPUTS, score_output
    from kvv_action.report.files import HTML, JOURNAL, JUNIT, REPORT, SUMMARY
    from kvv_action.report.text import one_line

    values = dict.fromkeys((*OUTPUTS, *map(score_output, IDS)), "")
    values |= {"verdict": outcome.verdict, "reason": one_line(outcome.reason, 500).translate(_SHELL)}
    if outcome.published:
        values["leaderboard-operation"] = outcome.published.operation
        values["leaderboard-pr-url"] = outcome.published.url
    values |= outcome.further
    if outcome.bundle:
        values["bundle-path"] = str(outcome.bundle.path.relative_to(step.workspace.resolve()))
        values["bundle-sha256"] = outcome.bundle.archive.sha256
    values["regression"] = outcome.baseline.regression if outcome.baseline else ""
    files = {
        "report": REPORT, "junit": JUNIT, "summary": SUMMARY, "html": HTML, "compare": COMPARE_JSON, "journal": JOURNAL,
    }  # fmt: skip
    for name, file in files.items():
        if outcome.folder is not None and (outcome.folder / file).is_file():
            values[f"{name}-path"] = str((outcome.folder / file).relative_to(step.workspace.resolve()))
    return values | {score_output(benchmark): score for benchmark, score in outcome.scores.items()}


def _summary(outcome: Outcome, path: Path) -> str:
    from entrypoint.baseline import inserted_by
    from kvv_action.github.files import summary_room
    from kvv_action.report.markdown import BUDGET, summary

    if outcome.report is None:
        return outcome.summary
    return summary(outcome.report, min(BUDGET, summary_room(path)), inserted_by(outcome.baseline))


def post() -> int:
    """Remove containers that this job has left behind; never fails the job."""
    _print(commands.inert(_reap(context.read().run_label)))
    return OK


def _reap(run: str) -> str:
    """What became of the job's containers, in a line."""
    from kvv_action.errors import KvvError
    from kvv_action.sandbox import reaper

    if not run:
        return "kvv: not in a job; nothing to remove"
    try:
        reaped = reaper.reap(reaper.Which(run=run))
    except KvvError as error:
        return f"kvv: nothing to remove: {error}"
    except Exception as error:  # noqa: BLE001 - cleaning up must not fail a job that is done
        return f"kvv: containers could not be looked for: {type(error).__name__}"
    left = f"; not removed: {', '.join(reaped.failed)}" if reaped.failed else ""
    return f"kvv: removed {len(reaped.removed)} containers{left}"


@contextmanager
def _commands_stopped() -> Iterator[None]:
    token = commands.new_token()
    try:  # from here on, whatever happens, commands are resumed
        _print(commands.stop_commands(token))
        yield
    finally:
        _print("", commands.resume_commands(token))  # the empty line ends one that was left open


def _print(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _on_signals(handler: "signal._HANDLER") -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise Stopped


def one_stream() -> None:
    """Send standard error into standard output: the runner reads both, but not in the order of writing."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
    os.dup2(sys.stdout.fileno(), sys.stderr.fileno())


if __name__ == "__main__":
    one_stream()
    exit_status = main()
    if exit_status == INTERRUPTED:
        os._exit(exit_status)  # threads of a download would be waited for, longer than GitHub waits for us
    sys.exit(exit_status)
