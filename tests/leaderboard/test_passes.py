"""How often a submission reads the journal; long runs have journals of gigabytes."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kvv_action.journal.file import Reader
from tests.pipeline.command import kvv

MOST = 4


@dataclass(slots=True)
class Work:
    """Readings of journals, and reports that were built."""

    passes: list[Path] = field(default_factory=list)
    reports: int = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Counts while the commands run."""
    from entrypoint import evidence
    from kvv_action.bundle import pack

    found, begin, build = Work(), Reader.__iter__, evidence.build

    def counted(reader: Reader) -> Iterator[Any]:
        found.passes.append(reader._path)
        return begin(reader)

    def built(*arguments: Any) -> Any:
        found.reports += 1
        return build(*arguments)

    monkeypatch.setattr(Reader, "__iter__", counted)
    for module in (evidence, pack):
        monkeypatch.setattr(module, "build", built)
    return found


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    """A copy of the run, without a bundle."""
    return Path(shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("evidence*.tar.gz")))


def bare(folder: Path) -> Path:
    return folder


def bundled(folder: Path) -> Path:
    kvv("bundle", folder)
    return folder


def redacted(folder: Path) -> Path:
    kvv("bundle", folder, "--redact")
    return folder


def archive(folder: Path) -> Path:
    kvv("bundle", folder)
    return folder / "evidence.tar.gz"


def stale(folder: Path) -> Path:
    """The bundle in the folder is that of another run."""
    other = folder.parent / "other"
    kvv("demo", "--benchmarks", "precheck", "--probes", "tokens", "--out", other)
    kvv("bundle", other, "--out", folder / "evidence.tar.gz")
    return folder


@pytest.mark.parametrize("prepared", [bare, bundled, redacted, archive, stale])
def test_a_submission_reads_the_journal_few_times(folder: Path, work: Work, prepared: Callable[[Path], Path]) -> None:
    """The report is built once and handed on, whether there is a bundle already or not."""
    path = prepared(folder)
    work.passes.clear()
    work.reports = 0
    done = kvv("leaderboard", "submit", path, "--leaderboard-repo", "a/b", "--leaderboard-dry-run",
               "--leaderboard-allow-incomplete")  # fmt: skip
    assert done.status == 0, done.err
    assert 1 <= len(work.passes) <= MOST, work.passes
    assert work.reports == 1
