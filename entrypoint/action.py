"""The GitHub step: inputs in; outputs, summary, annotations and an exit status out.

Secrets are masked before anything else can print. Whatever the run prints stands between `stop-commands` and its
token, so that no text of an endpoint can give the runner orders; only then come the annotations.
"""

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from entrypoint.signals import ENDING
from entrypoint.streams import settle, silence
from kvv_action.causes import REPOSITORY
from kvv_action.digits import counted
from kvv_action.github import commands, context

if TYPE_CHECKING:
    from typing import TextIO

    from entrypoint.evidence import RunEvidence
    from entrypoint.publication import Published
    from entrypoint.usecases.effort import EffortRun
    from entrypoint.usecases.finish import FinishedRun
    from kvv_action.errors import Problem
    from kvv_action.github.annotations import Annotation
    from kvv_action.redact import Redactor
    from kvv_action.settings import Settings

OK, USAGE, INTERRUPTED = 0, 2, 130
NO_KEY = "There is no {secrets}, so nothing was verified; this is not a pass."
FORK = " Pull requests from forks have no secrets."
NO_KEY_HINT = (
    " Set what is missing from secrets. For an endpoint without keys, set its key to EMPTY. About forks: "
    f"https://github.com/{REPOSITORY}/blob/main/docs/gate.md#forks"
)
NO_ROOM = "The step summary is full (GitHub allows 1 MiB), so this run's is left out; summary.md in `out` has it."
NO_CHECKOUT = "The workspace is empty: files of the repository are there only after a step with actions/checkout."
_SHELL = str.maketrans({"`": "'", "$": "", "\\": "/", '"': "'"})
"""`reason` is quoted in people's scripts; what a shell would act on inside quotes is taken out of it."""


class Stopped(BaseException):
    """SIGINT or SIGTERM outside the run, which has handlers of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """What the step tells GitHub.

    Attributes:
        summary: for the step summary, when there is no run.
        run: what was run, merged or submitted; of several levels of effort, the one whose scores are judged.
        levels: the runs of all levels of effort.
        submission: what became of the run's submission.
        further: outputs that no run has.
    """

    status: int
    verdict: str
    reason: str
    annotations: "Sequence[Annotation]" = ()
    summary: str = ""
    run: "FinishedRun | None" = None
    levels: "EffortRun | None" = None
    submission: "Published | None" = None
    further: Mapping[str, str] = field(default_factory=dict)


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
    with commands.commands_stopped(_print):
        outcome = _outcome(step, redactor)
    _on_signals(signal.SIG_IGN)  # what is left takes milliseconds
    _print(*(str(annotation.edited(redactor.text)) for annotation in outcome.annotations))
    _publish(step, outcome, redactor)
    return outcome.status


def _outcome(step: context.Context, redactor: "Redactor") -> StepOutcome:
    """The run's outcome; every error becomes one that is explained."""
    from kvv_action.errors import KvvError, UsageError, about_file
    from kvv_action.github.log import harmless

    try:
        _enter(step.workspace)
        return _verify(step, redactor)
    except UsageError as error:
        return _wrong_inputs(error.problems)
    except KvvError as error:
        return _broken("cannot go on", str(error))
    except (Stopped, KeyboardInterrupt):
        return _broken("interrupted", "Stopped before anything was verified.", status=INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last boundary: a defect must not print secrets
        if isinstance(error, OSError) and (told := about_file(error)):
            return _broken("cannot go on", told)
        harmless(sys.stdout, redactor.text).write(traceback.format_exc())
        return _broken("internal error", f"{type(error).__name__}; the log of this step has the details.")


def _enter(workspace: Path) -> None:
    """Go to the workspace: paths in inputs are relative to it.

    Raises:
        KvvError: it is not there.
    """
    from kvv_action.errors import KvvError, in_words

    try:
        os.chdir(workspace)
    except OSError as error:
        advice = "set GITHUB_WORKSPACE to the folder of the checkout, or to nothing for the present one"
        raise KvvError(f"the workspace {workspace} cannot be used: {in_words(error)}; {advice}") from error


def _verify(step: context.Context, redactor: "Redactor") -> StepOutcome:
    from entrypoint.settings import load, misspelt_variables, unknown_inputs
    from kvv_action import __version__
    from kvv_action.github.log import harmless
    from kvv_action.github.workspace import handed_over, out_folder
    from kvv_action.settings import empty_secrets

    for problem in (*unknown_inputs(), *misspelt_variables(), *_ignored_file()):
        _print(redactor.text(commands.inert(str(problem))))
    settings = load()
    missing = empty_secrets(settings) if settings.command == "run" else ()
    if "api-key" in missing or (missing and step.fork and not settings.shard):  # a merge needs all of its shards
        return _without_key(step, missing)
    folder, log = out_folder(step.workspace, settings.out), harmless(sys.stdout, redactor.text)
    where = f" at {settings.base_url}" if settings.command == "run" else ""
    _print(f"kvv-action {__version__}: {commands.inert(f'{settings.command} {settings.model}{where}')}")
    caches = [Path(settings.dataset_cache).absolute()] if settings.dataset_cache else []
    mine = [cache for cache in caches if cache.resolve().is_relative_to(step.workspace.resolve())]
    with handed_over(step.workspace, folder, *mine):
        match settings.command:
            case "plan":
                return _planned(settings, log)
            case "merge":
                return _merged(settings, redactor, log)
            case "submit":
                return _proposed(settings, folder, redactor, log)
        return _verified(settings, step, redactor, log)


def _ignored_file() -> "Iterator[Problem]":
    """That a file of settings is named, which a pull request could bring."""
    from entrypoint.config_file import VARIABLE
    from kvv_action.errors import Problem

    if os.environ.get(VARIABLE):
        yield Problem(name=VARIABLE, value="", allowed="The action reads no file of settings; give inputs.")


def _planned(settings: "Settings", log: "TextIO") -> StepOutcome:
    """How a run is best divided; nothing is sent, so there is no verdict."""
    from entrypoint.plan_estimate_table import show
    from entrypoint.usecases.plan import divide
    from kvv_action.report.markdown import text

    found = divide(settings)
    show(found.estimate, log)
    told = found.shards.told()
    summary = f"## 🗂️ kvv: plan\n\n{text(told, 500)}\n"
    return StepOutcome(status=OK, verdict="", reason=told, summary=summary, further=found.shards.outputs())


def _merged(settings: "Settings", redactor: "Redactor", log: "TextIO") -> StepOutcome:
    """One report of all shards; it is treated like that of a run."""
    from entrypoint.publication import require
    from entrypoint.usecases.merge import merge_shards

    require(settings)
    return _told(merge_shards(settings, redactor), settings, redactor, log)


def _proposed(settings: "Settings", folder: Path, redactor: "Redactor", log: "TextIO") -> StepOutcome:
    """The run in `out`, as an earlier step or job left it, goes to the leaderboard."""
    from entrypoint.evidence import read
    from entrypoint.publication import require
    from entrypoint.usecases.finish import FinishedRun

    require(settings, always=True)
    found = read(folder, settings.leaderboard_evidence_url)
    run = FinishedRun(report=found.report, folder=folder, status=OK)
    return _submitted(_concluded(run), settings, redactor, log, found if found.bundle else None)


def _verified(settings: "Settings", step: context.Context, redactor: "Redactor", log: "TextIO") -> StepOutcome:
    from entrypoint.console import LogObserver
    from entrypoint.publication import require
    from entrypoint.usecases import run
    from kvv_action.settings import ALL_EFFORTS

    require(settings)
    if settings.effort == ALL_EFFORTS:
        return _every_level(settings, step, redactor, log)
    try:
        return _told(
            run.run(settings, LogObserver(log, redactor), redactor, github=step.github), settings, redactor, log
        )
    except (Stopped, KeyboardInterrupt):
        _on_signals(signal.SIG_IGN)
        rescued = run.rescued(Path(settings.out), redactor)
        if rescued is None:
            raise
        return _concluded(rescued)


def _every_level(settings: "Settings", step: context.Context, redactor: "Redactor", log: "TextIO") -> StepOutcome:
    """A run for each level of effort, and the table of all."""
    from entrypoint.console import LogObserver
    from entrypoint.effort_table import show_levels
    from entrypoint.usecases import effort

    try:
        found = effort.run_levels(settings, LogObserver(log, redactor), redactor, github=step.github)
    except (Stopped, KeyboardInterrupt):
        _on_signals(signal.SIG_IGN)
        rescued = effort.rescued_levels(settings, redactor)
        if rescued is None:
            raise
        found = rescued
    runs = {level: _printed(run, settings, redactor, log) for level, run in found.runs.items()}
    show_levels(found.table, settings.out, log)
    return _of_levels(replace(found, runs=runs), step)


def _of_levels(found: "EffortRun", step: context.Context) -> StepOutcome:
    """The verdict of all levels, the annotations of each, and the files of the one whose scores are judged."""
    from kvv_action.github.annotations import limited, of_verdict
    from kvv_action.report.files import SUMMARY
    from kvv_action.report.levels import TABLE

    table, told = found.table, {row.level for row in found.table.rows if not row.judged}
    annotations = [
        replace(one, title=f"{one.title} (effort {level})")
        for level, run in found.runs.items()
        for one in _concluded(run).annotations
        if not (level in told and one.title == f"kvv: {run.report.verdict}")  # the whole says it
    ]
    whole = of_verdict(table.verdict, f"every level of effort: {table.reason}")
    folder = found.folder.resolve().relative_to(step.workspace.resolve())
    return StepOutcome(
        status=found.status or max((run.status for run in found.runs.values() if run.unbundled), default=OK),
        verdict=table.verdict, reason=table.reason, annotations=limited([whole, *annotations]), run=found.judged,
        levels=found, further={"effort-path": str(folder / TABLE), "summary-path": str(folder / SUMMARY)},
    )  # fmt: skip


def _told(run: "FinishedRun", settings: "Settings", redactor: "Redactor", log: "TextIO") -> StepOutcome:
    """A run is printed; then its evidence is packed and submitted, as the settings say."""
    outcome = _concluded(_printed(run, settings, redactor, log))
    return _submitted(outcome, settings, redactor, log) if settings.leaderboard_repo else outcome


def _printed(run: "FinishedRun", settings: "Settings", redactor: "Redactor", log: "TextIO") -> "FinishedRun":
    """The run with its bundle, when both are printed."""
    from entrypoint.console import print_finished
    from entrypoint.usecases.finish import packed

    print_finished(run, str(run.folder), log)
    if run.status != INTERRUPTED:
        run = packed(run, settings, redactor)
    if run.bundle is not None:
        bundle = f"bundle: {run.bundle.path.name}, sha256:{run.bundle.archive.sha256}"
        _print(redactor.text(commands.inert(bundle)))
    return run


def _submitted(
    outcome: StepOutcome, settings: "Settings", redactor: "Redactor", log: "TextIO", given: "RunEvidence | None" = None
) -> StepOutcome:
    """The outcome with what became of its submission: a step that could not submit does not pass."""
    from entrypoint.evidence import of_bundle
    from entrypoint.publication import STOPPED, submitted
    from kvv_action.github.annotations import limited

    if outcome.run is not None and outcome.run.bundle is not None:
        given = of_bundle(outcome.run.bundle, settings.leaderboard_evidence_url)
    try:
        submission = submitted(settings, Path(settings.out), redactor, log, given)
    except (Stopped, KeyboardInterrupt):
        submission = STOPPED
    return replace(
        outcome, status=outcome.status or submission.status, submission=submission,
        annotations=limited([submission.annotation, *outcome.annotations]),
    )  # fmt: skip


def _concluded(run: "FinishedRun") -> StepOutcome:
    from entrypoint.baseline import annotations
    from kvv_action.github.annotations import Annotation, AnnotationLevel, limited, of_report
    from kvv_action.verdict.lead import why

    report, found = run.report, [*annotations(run.baseline), *of_report(run.report)]
    if run.unbundled is not None:
        found.insert(0, Annotation(level=AnnotationLevel.ERROR, title="kvv: no bundle", message=str(run.unbundled)))
    return StepOutcome(
        status=run.status, verdict=report.verdict, reason=why(report), annotations=limited(found), run=run
    )


def _without_key(step: context.Context, secrets: Sequence[str]) -> StepOutcome:
    """Skipped; every secret that the run would need and does not have is named."""
    from kvv_action.github.annotations import Annotation, AnnotationLevel
    from kvv_action.report.markdown import text

    *others, last = secrets
    named = f"{', no '.join(others)} and no {last}" if others else last
    reason = NO_KEY.format(secrets=named) + (FORK if step.fork else "")
    notice = Annotation(level=AnnotationLevel.NOTICE, title="kvv: skipped", message=reason + NO_KEY_HINT)
    summary = f"## ⏭️ kvv: skipped\n\n{text(reason, 1000)}{NO_KEY_HINT}\n"
    return StepOutcome(status=OK, verdict="skipped", reason=reason, annotations=[notice], summary=summary)


def _wrong_inputs(problems: "Sequence[Problem]") -> StepOutcome:
    from entrypoint.config_file import placed
    from entrypoint.settings import composed
    from kvv_action.github.annotations import of_problems
    from kvv_action.report.markdown import text

    problems = [placed(problem, None, composed()) for problem in problems]
    problems = [replace(problem, allowed=_without_checkout(problem.allowed)) for problem in problems]
    listed = "\n".join(f"- {text(str(problem), 1000)}" for problem in problems)
    return StepOutcome(
        status=USAGE, verdict="inconclusive", reason=str(problems[0]), annotations=of_problems(problems),
        summary=f"## ⚠️ kvv: wrong inputs\n\nNothing was verified.\n\n{listed}\n",
    )  # fmt: skip


def _without_checkout(message: str) -> str:
    """The same, with what to do about a file that is not there because nothing is."""
    missing = "no such file" in message.lower() and not any(Path().iterdir())
    return f"{message.rstrip('.')}. {NO_CHECKOUT}" if missing else message


def _broken(title: str, message: str, status: int = USAGE) -> StepOutcome:
    from kvv_action.github.annotations import Annotation, AnnotationLevel
    from kvv_action.report.markdown import text

    message = _without_checkout(message)
    error = Annotation(level=AnnotationLevel.ERROR, title=f"kvv: {title}", message=message)
    return StepOutcome(
        status=status, verdict="inconclusive", reason=message, annotations=[error],
        summary=f"## ⚠️ kvv: {title}\n\n{text(message, 2000)}\n",
    )  # fmt: skip


def _publish(step: context.Context, outcome: StepOutcome, redactor: "Redactor") -> None:
    """Outputs, then the step summary; a file that cannot be written is reported, the verdict stands."""
    from kvv_action.github.files import append_summary, write_outputs

    if step.output is not None:
        with _warned("The outputs"):
            write_outputs(step.output, {name: redactor.text(value) for name, value in outputs(step, outcome).items()})
    if step.step_summary is not None:
        with _warned("The step summary"):
            if not append_summary(step.step_summary, redactor.text(_summary(outcome, step.step_summary))):
                _print(commands.command("warning", NO_ROOM, title="kvv"))


@contextmanager
def _warned(what: str) -> Iterator[None]:
    """Turn an error of the system into a warning: what GitHub cannot be told changes no verdict."""
    from kvv_action.errors import in_words

    try:
        yield
    except OSError as error:
        told = f"{what} cannot be written to {error.filename or 'their file'}: {in_words(error)}. The verdict stands."
        _print(commands.command("warning", told, title="kvv"))


def outputs(step: context.Context, outcome: StepOutcome) -> dict[str, str]:
    """Every output that action.yml names, in that order."""
    from benchmarks.registry import ids
    from kvv_action.github.outputs import OUTPUTS, score_output
    from kvv_action.report.text import one_line

    values = dict.fromkeys((*OUTPUTS, *map(score_output, ids())), "")
    values |= {"verdict": outcome.verdict, "reason": one_line(outcome.reason, 500).translate(_SHELL)}
    if outcome.submission:
        values["leaderboard-operation"] = outcome.submission.operation
        values["leaderboard-pr-url"] = outcome.submission.url
    values |= _of_run(outcome.run, step.workspace.resolve()) if outcome.run else {}
    return {**values, **outcome.further}


def _of_run(run: "FinishedRun", workspace: Path) -> dict[str, str]:
    """What a run adds: its scores, its regression, and where its files are in the workspace."""
    from kvv_action.compare.files import COMPARE_JSON
    from kvv_action.github.outputs import score_output
    from kvv_action.report.files import HTML, JOURNAL, JUNIT, REPORT, SUMMARY

    folder, values = run.folder.resolve(), dict[str, str]()
    files = {
        "report": REPORT, "junit": JUNIT, "summary": SUMMARY, "html": HTML, "compare": COMPARE_JSON, "journal": JOURNAL,
    }  # fmt: skip
    for name, file in files.items():
        if (folder / file).is_file():
            values[f"{name}-path"] = str((folder / file).relative_to(workspace))
    if run.bundle:
        values["bundle-path"] = str(run.bundle.path.resolve().relative_to(workspace))
        values["bundle-sha256"] = run.bundle.archive.sha256
    if run.baseline:
        values["regression"] = run.baseline.regression
    return values | {
        score_output(one.id): "" if one.score is None else f"{one.score:.4f}" for one in run.report.benchmarks
    }


def _summary(outcome: StepOutcome, path: Path) -> str:
    from entrypoint.baseline import inserted_by
    from kvv_action.github.files import summary_room
    from kvv_action.report.markdown import BUDGET, summary

    room = min(BUDGET, summary_room(path))
    if outcome.levels is not None:
        from entrypoint.usecases.effort import summaries
        from kvv_action.report.levels import whole_summary

        return whole_summary(outcome.levels.table, summaries(outcome.levels.runs), room)
    if outcome.run is None:
        return outcome.summary
    return summary(outcome.run.report, room, inserted_by(outcome.run.baseline))


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
        reaped = reaper.reap(reaper.ContainerSelection(run=run))
    except KvvError as error:
        return f"kvv: nothing to remove: {error}"
    except Exception as error:  # noqa: BLE001 - cleaning up must not fail a job that is done
        return f"kvv: containers could not be looked for: {type(error).__name__}"
    left = f"; not removed: {', '.join(reaped.failed)}" if reaped.failed else ""
    return f"kvv: removed {counted(len(reaped.removed), 'container')}{left}"


def _print(*lines: str) -> None:
    """Print lines; a log that takes no more changes nothing."""
    try:
        for line in lines:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        silence(sys.stdout)


def _on_signals(handler: "signal._HANDLER") -> None:
    for number in ENDING:
        signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise Stopped


def one_stream() -> None:
    """Send standard error into standard output: the runner reads both, but not in the order of writing."""
    settle()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
    os.dup2(sys.stdout.fileno(), sys.stderr.fileno())


if __name__ == "__main__":
    if len(sys.argv) > 1:  # `docker run IMAGE demo`; GitHub starts us without arguments
        from entrypoint import cli

        sys.exit(cli.main())
    one_stream()
    exit_status = main()
    if exit_status == INTERRUPTED:
        os._exit(exit_status)  # threads of a download would be waited for, longer than GitHub waits for us
    sys.exit(exit_status)
