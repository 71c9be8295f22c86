"""`kvv run`: verify an endpoint."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entrypoint.console import Telling, observer_for, print_finished
from entrypoint.options import Parser, add_output, add_settings, given
from entrypoint.prepare import Demonstration, secrets_of
from entrypoint.settings import load, misspelt_variables
from entrypoint.usecases.run import run
from kvv_action.redact import Redactor
from kvv_action.settings import ALL_EFFORTS, Settings, out_directory

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from entrypoint.console import RunObserver
    from entrypoint.usecases.finish import FinishedRun

EPILOG = """examples:
  kvv run --base-url http://127.0.0.1:8000/v1 --model kimi-k2.6 --think-mode opensource --contract compatible
  kvv run --base-url URL --model NAME --profile kimi-k2.6 --benchmarks aime2025 --dataset aime2025=aime25.jsonl

  kvv run --base-url URL --model kimi-k3 --effort all

If a run was interrupted or killed, the same command continues it. --effort all makes one run for each level of thinking
effort in a folder of its own (out/low) and one table (out/summary.md). A score is judged at the level at which its
reference was measured, and told at the others; probes and delivery must hold at every level."""


def main(argv: Sequence[str]) -> int:
    """Plan, ask, judge, report."""
    parser = Parser(prog="kvv run", description="Verify an endpoint.", epilog=EPILOG)
    add_output(parser)
    add_settings(parser)
    values = parser.read(argv)
    return verify(load(given(values)), Printing.of(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Printing:
    """What a run prints.

    Attributes:
        json: the record in place of the table.
        telling: how much of the progress.
    """

    json: bool = False
    telling: Telling = Telling.PROGRESS

    @classmethod
    def of(cls, values: "Namespace") -> "Printing":
        """As the options say that `add_output` adds."""
        telling = Telling.QUIET if values.quiet else Telling.EVERY_ANSWER if values.verbose else Telling.PROGRESS
        return cls(json=values.json, telling=telling)


def verify(settings: Settings, printing: Printing, demonstration: Demonstration | None = None) -> int:
    """Run with progress on stderr and the result on stdout."""
    redactor = Redactor(secrets_of(settings))
    observer = observer_for(sys.stderr, redactor, printing.telling)
    for problem in misspelt_variables():
        if printing.telling is Telling.QUIET:  # no progress, but nothing that was set may be lost unseen
            sys.stderr.write(f"warning: {problem}\n")
        observer.state(str(problem))
    if redactor.has_placeholder:
        observer.state("the key is a plain word or very short: it counts as a placeholder and is not masked in reports")
    if settings.effort == ALL_EFFORTS:
        return _every_level(settings, printing, demonstration, observer, redactor)
    try:
        done = run(settings, observer, redactor, demonstration=demonstration)
    finally:
        observer.close()
    return _told(done, settings, printing, redactor)


def _every_level(
    settings: Settings,
    printing: Printing,
    demonstration: Demonstration | None,
    observer: "RunObserver",
    redactor: Redactor,
) -> int:
    """One run for each level of effort: what came of each, then the table of all."""
    from entrypoint.effort_table import show_levels
    from entrypoint.usecases.effort import run_levels
    from kvv_action.report.levels import TABLE

    try:
        done = run_levels(settings, observer, redactor, demonstration=demonstration)
    finally:
        observer.close()
    for one in done.runs.values():
        _told(one, settings.model_copy(update={"out": str(one.folder)}), printing, redactor, alone=False)
    if printing.json:
        _print_file(out_directory(settings) / TABLE)
    else:
        show_levels(done.table, settings.out)
    return done.status


def _told(
    done: "FinishedRun", settings: Settings, printing: Printing, redactor: Redactor, *, alone: bool = True
) -> int:
    """Print the result of a run, alone or as one of several levels, then pack its evidence."""
    from entrypoint.usecases.finish import packed
    from kvv_action.report.text import visible

    if not printing.json:
        print_finished(done, settings.out)
    elif alone:
        _print_file(done.folder / "report.json")
    done = packed(done, settings, redactor)  # after the result is told: a large run takes a while
    if done.unbundled is not None:
        raise done.unbundled
    if done.bundle is not None and not printing.json:
        sys.stdout.write(f"Bundle: {visible(str(done.bundle.path), 500)}, sha256:{done.bundle.archive.sha256}\n")
    return done.status


def _print_file(path: "Path") -> None:
    """A JSON file that a run has written, as it is."""
    sys.stdout.write(path.read_text().rstrip("\n") + "\n")
