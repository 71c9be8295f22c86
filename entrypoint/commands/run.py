"""`kvv run`: verify an endpoint."""

import sys
from collections.abc import Sequence

from entrypoint.baseline import against, combined, find, print_against
from entrypoint.bundling import bundle
from entrypoint.compose import exit_code, run_verification
from entrypoint.console import BarObserver, observer_for, print_report
from entrypoint.options import Parser, add_settings, given
from entrypoint.prepare import Demonstration, secrets_of
from entrypoint.settings import load, misspelt_variables
from kvv_action.redact import Redactor
from kvv_action.report.text import visible
from kvv_action.settings import Settings, out_directory

EPILOG = """examples:
  kvv run --base-url http://127.0.0.1:8000/v1 --model kimi-k2.6 --think-mode opensource --contract compatible
  kvv run --base-url URL --model NAME --profile kimi-k2.6 --benchmarks aime2025 --dataset aime2025=aime25.jsonl

The same command goes on where a run was interrupted or killed."""


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
    try:
        baseline = find(settings, demonstration=demonstration is not None)
        report = run_verification(settings, observer, demonstration=demonstration)
        found = against(settings, baseline, report, redactor)
    finally:
        if isinstance(observer, BarObserver):
            observer.close()
    print_report(report, settings.out)
    print_against(found)
    if settings.bundle != "off":
        done = bundle(out_directory(settings), redact=settings.bundle == "redacted", secrets=redactor)
        sys.stdout.write(f"Bundle: {visible(str(done.path), 500)}, sha256:{done.archive.sha256}\n")
    return combined(exit_code(report, settings.fail_on), found, settings.fail_on)
