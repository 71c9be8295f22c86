"""One of two runs that are compared: its report, and what its journal (or else the report) knows of each sample."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kvv_action.compare.packed import PackedSamples
from kvv_action.compare.sampled import Sampled
from kvv_action.errors import JournalError, KvvError, refusal
from kvv_action.fingerprint.reference import Reference
from kvv_action.fingerprint.reference_file import LARGEST
from kvv_action.fingerprint.reference_file import parse as parse_captures
from kvv_action.journal.reading import JournalReading
from kvv_action.plan.plan import plan_digest
from kvv_action.report.files import CAPTURES, JOURNAL, REPORT, parse
from kvv_action.report.place import no_run
from kvv_action.schema import FailureKind, Judged, Outcome, RunReport, Score

Samples = Mapping[str, Mapping[str, Sampled]]
"""By benchmark and sample id, in the order of the plan; what was not asked is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A run to compare.

    Attributes:
        journal: None when only the report is there.
        partial: benchmarks of which the report does not name every sample.
        captures: next-token probabilities; None where none were captured.
    """

    report: RunReport
    samples: Samples
    journal: JournalReading | None = None
    partial: frozenset[str] = frozenset()
    captures: Reference | None = None


def captures_in(folder: Path) -> Reference | None:
    """The next-token probabilities in a run's folder; None where none were captured.

    Raises:
        KvvError: they cannot be read, or are damaged.
    """
    path = folder / CAPTURES
    try:
        with path.open("rb") as stream:
            return parse_captures(stream.read(LARGEST + 1), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KvvError(f"{path}: cannot be read: {refusal(error)}") from error


def find_report(path: Path) -> Path | None:
    """The report.json of a run: the file itself, in the folder, or in the one folder below it (artifacts are nested).

    None when there is nothing there.

    Raises:
        KvvError: several runs are below the folder.
    """
    if path.is_file():
        return path
    if (path / REPORT).is_file():
        return path / REPORT
    found = sorted(path.glob(f"*/{REPORT}")) if path.is_dir() else []
    if len(found) > 1:
        raise KvvError(no_run(path, REPORT))
    return found[0] if found else None


def read_report(path: Path) -> RunReport:
    """The report of a run.

    Raises:
        KvvError: it is missing, or not a report.
    """
    source = find_report(path)
    if source is None:
        raise KvvError(no_run(path, REPORT))
    try:
        return parse(source.read_bytes(), str(source))
    except OSError as error:
        raise KvvError(f"{source}: {refusal(error)}") from error


def read(path: Path) -> Side:
    """A run's report with its journal where that is there.

    Raises:
        KvvError: it is missing or broken.
        JournalError: the journal is damaged, or not that of the report.
    """
    report = read_report(path)
    source = find_report(path)
    assert source is not None
    journal = source.with_name(JOURNAL)
    side = of_journal(report, journal) if journal.is_file() else of_report(report)
    return replace(side, captures=captures_in(source.parent))


def of_report(report: RunReport) -> Side:
    """A run of which only the report is there; it has no traffic by sample, and not every sample of a large run.

    Raises:
        KvvError: it holds values or epochs that no run has.
    """
    samples = {result.id: PackedSamples() for result in report.benchmarks}
    for result in report.benchmarks:
        found = samples[result.id]
        for case in result.cases:
            sampled = found.get(case.id) or Sampled(category=case.category)
            try:
                if case.outcome is Outcome.FAILED or case.value is None:
                    sampled.fail(case.epoch)
                else:
                    sampled.add(case.value, case.epoch)
            except ValueError as error:
                raise KvvError(f"{REPORT}: {result.id}, sample {case.id[:60]!r}: {error}") from error
            found.put(case.id, sampled)
    partial = frozenset(result.id for result in report.benchmarks if result.cases_omitted)
    return Side(report=report, samples=samples, partial=partial)


def of_journal(report: RunReport, journal: Path) -> Side:
    """A run with its evidence.

    Raises:
        JournalError: the journal is damaged, or not that of the report.
    """
    reading = JournalReading(journal)
    if plan_digest(reading.plan) != report.plan_digest:
        raise JournalError(f"{journal}: is of another run than the report beside it")
    samples = {result.id: PackedSamples() for result in report.benchmarks}
    for judged in reading.judged():
        if judged.stands:
            try:
                _note(judged, samples)
            except (KeyError, ValueError) as error:
                raise JournalError(f"{journal}, line {judged.line} is not as kvv writes it ({error})") from error
    if reading.head != report.journal.head:
        raise JournalError(
            f"{journal}: does not end where the report beside it says; `kvv audit` tells what differs, and running "
            "again writes both"
        )
    ordered = {name: found.ordered() for name, found in samples.items()}  # a journal has them as they were answered
    return Side(report=report, samples=ordered, journal=reading)


def _note(judged: Judged, samples: Mapping[str, PackedSamples]) -> None:
    """Raises KeyError or ValueError for what no run has."""
    place, result = judged.place, judged.result
    found = samples[place.benchmark]
    sampled = found.get(place.sample) or Sampled(index=place.index)
    if isinstance(result, Score):
        sampled.category = result.category
        sampled.add(float(result.value), place.epoch)
        sampled.answered([exchange for exchange in judged.exchanges if exchange.by_vendor])
    elif result.kind is not FailureKind.REFUSED:
        sampled.fail(place.epoch)
    found.put(sys.intern(place.sample), sampled)
