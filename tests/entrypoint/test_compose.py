"""What command line and action share: statuses, defaults, folders."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from entrypoint import compose
from entrypoint.compose import exit_code
from entrypoint.options import with_defaults
from entrypoint.outputs import move_aside, refuse_in_use, write_reports
from entrypoint.settings import ours
from kvv_action.errors import JournalError, KvvError, UsageError
from kvv_action.journal.file import Journal, Reader
from kvv_action.redact import Redactor
from kvv_action.report.files import parse
from kvv_action.schema import RunReport, RunState, Verdict
from kvv_action.whole_files import write
from tests.ask.fakes import FakeClient, make_run
from tests.pipeline.command import demo, kvv

Settings = ours().model


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> RunReport:
    out = tmp_path_factory.mktemp("passed")
    kvv("demo", "--benchmarks", "precheck", "--out", out)
    return parse((out / "report.json").read_bytes())


@pytest.mark.parametrize(
    ("verdict", "fail_on", "status"),
    [
        (Verdict.PASS, "inconclusive", 0),
        (Verdict.FAIL, "inconclusive", 1),
        (Verdict.INCONCLUSIVE, "inconclusive", 3),
        (Verdict.SKIPPED, "inconclusive", 3),
        (Verdict.PASS, "fail", 0),
        (Verdict.FAIL, "fail", 1),
        (Verdict.INCONCLUSIVE, "fail", 0),
        (Verdict.SKIPPED, "fail", 0),
        (Verdict.FAIL, "never", 0),
        (Verdict.INCONCLUSIVE, "never", 0),
    ],
)
def test_a_verdict_has_its_status(verdict: Verdict, fail_on: str, status: int, passed: RunReport) -> None:
    """The status follows from the verdict and from what shall fail."""
    assert exit_code(replace(passed, verdict=verdict), fail_on) == status


@pytest.mark.parametrize("fail_on", ["inconclusive", "fail", "never"])
def test_an_interrupted_run_never_looks_complete(fail_on: str, passed: RunReport) -> None:
    """Whatever shall fail, an interruption is 130."""
    assert exit_code(replace(passed, state=RunState.INTERRUPTED), fail_on) == 130


def test_defaults_give_way_to_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command's defaults fill only what option, input and variable left open."""
    monkeypatch.setenv("KVV_RETRY_ATTEMPTS", "7")
    filled = with_defaults(Settings(total_timeout=9), {"retry_attempts": 3, "total_timeout": 5.0, "retry_base": 0.05})
    assert (filled.retry_attempts, filled.total_timeout, filled.retry_base) == (7, 9, 0.05)


async def test_a_run_of_another_version_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the plans differ, the version that began the run can go on with it."""
    run = make_run(tmp_path)
    await run.session(FakeClient())
    began = next(iter(Reader(run.path)))["provenance"]["version"]
    prepared: Any = SimpleNamespace(plan=replace(run.plan, seed=7), settings=SimpleNamespace(out="out"))
    for version, told in ((began, False), ("99.0.0", True)):
        monkeypatch.setattr(compose, "__version__", version)
        with pytest.raises(UsageError, match="Holds another run \\(seed: there 0, now 7\\)") as caught:
            compose._make_free(run.path, prepared)
        assert (f"kvv {began} began it, and this is 99.0.0: go on with that version" in str(caught.value)) is told


def test_an_earlier_run_gets_the_next_free_name(tmp_path: Path) -> None:
    """`out.1` is taken, so `out.2`."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out.1").mkdir()
    assert move_aside(tmp_path / "out") == tmp_path / "out.2"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("below", [".", "deep/er"])
def test_the_working_folder_stays(below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in or above which this process works is not moved."""
    (tmp_path / "out" / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / "out" / below)
    with pytest.raises(UsageError, match="working folder"):
        move_aside(tmp_path / "out")


def test_a_mounted_folder_says_what_to_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's folder of results is often a mount, which no process can rename."""
    out = tmp_path / "out"
    out.mkdir()

    def busy(*_: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(out))

    monkeypatch.setattr(Path, "rename", busy)
    with pytest.raises(UsageError, match="mount the folder above it, and name this one"):
        move_aside(out)


def test_a_journal_in_use_is_left_alone(tmp_path: Path) -> None:
    """While a writer holds it nobody else may; afterwards anybody."""
    path = tmp_path / "journal.jsonl"
    with Journal(path, Redactor()), pytest.raises(JournalError, match="another kvv process"):
        refuse_in_use(path)
    refuse_in_use(path)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails the old content stays, and nothing else is left behind."""
    path = tmp_path / "report.json"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(OSError, match="No space"):
        write(path, b"new")
    assert [(item.name, item.read_bytes()) for item in tmp_path.iterdir()] == [("report.json", b"old")]


def test_reports_that_cannot_be_written_are_explained(passed: RunReport, tmp_path: Path) -> None:
    """The message names the folder, the cause and what is not lost."""
    with pytest.raises(KvvError, match="the reports cannot be written: No such file or directory"):
        write_reports(tmp_path / "gone", passed, Redactor())


def test_reports_can_be_read_by_others(passed: RunReport, tmp_path: Path) -> None:
    """Reports of a container must be readable for later steps."""
    write_reports(tmp_path, passed, Redactor())
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}


def test_files_of_a_benchmark_that_cannot_be_written_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As reports: the folder, the cause, what is not lost; no empty file is left in the place of a whole one."""
    ran, _ = demo(tmp_path / "out", "--benchmarks", "toolcall")
    assert ran.status == 0
    before = (tmp_path / "out" / "k2vv-results.jsonl").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    ran = kvv("demo", "--benchmarks", "toolcall", "--out", tmp_path / "out")
    assert ran.status == 2
    assert "out: the reports cannot be written: No space left on device. The journal has" in ran.err
    assert (tmp_path / "out" / "k2vv-results.jsonl").read_bytes() == before
