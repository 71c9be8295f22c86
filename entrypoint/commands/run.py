"""`kvv run`: verify an endpoint."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from entrypoint.console import observer_for, print_finished
from entrypoint.options import Parser, add_settings, given
from entrypoint.prepare import Demonstration, secrets_of
from entrypoint.settings import load, misspelt_variables
from entrypoint.usecases.run import run
from kvv_action.redact import Redactor
from kvv_action.settings import ALL_EFFORTS, Settings

if TYPE_CHECKING:
    from entrypoint.console import BarObserver, LogObserver
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
    add_settings(parser)
    return verify(load(given(parser.read(argv))))


def verify(settings: Settings, demonstration: Demonstration | None = None) -> int:
    """Run with progress on stderr and the result on stdout."""
    redactor = Redactor(secrets_of(settings))
    observer = observer_for(sys.stderr, redactor)
    for problem in misspelt_variables():
        observer.state(str(problem))
    if redactor.has_placeholder:
        observer.state("the key is a plain word or very short: it counts as a placeholder and is not masked in reports")
    if settings.effort == ALL_EFFORTS:
        return _every_level(settings, demonstration, observer, redactor)
    try:
        done = run(settings, observer, redactor, demonstration=demonstration)
    finally:
        observer.close()
    return _told(done, settings, redactor)


def _every_level(
    settings: Settings,
    demonstration: Demonstration | None,
    observer: "LogObserver | BarObserver",
    redactor: Redactor,
) -> int:
    """One run for each level of effort: what came of each, then the table of all."""
    from entrypoint.effort_table import show_levels
    from entrypoint.usecases.effort import run_levels

    try:
        done = run_levels(settings, observer, redactor, demonstration=demonstration)
    finally:
        observer.close()
    for one in done.runs.values():
        _told(one, settings.model_copy(update={"out": str(one.folder)}), redactor)
    show_levels(done.table, settings.out)
    return done.status


def _told(done: "FinishedRun", settings: Settings, redactor: Redactor) -> int:
    from entrypoint.usecases.finish import packed
    from kvv_action.report.text import visible

    print_finished(done, settings.out)
    done = packed(done, settings, redactor)  # after the result is told: a large run takes a while
    if done.unbundled is not None:
        raise done.unbundled
    if done.bundle is not None:
        sys.stdout.write(f"Bundle: {visible(str(done.bundle.path), 500)}, sha256:{done.bundle.archive.sha256}\n")
    return done.status
