"""What a run leaves behind: rendered again, audited, gone on with, protected, and kept when the disk is full."""

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.pipeline.command import PATIENT, demo, finish, kvv, problems, report, size, start, vendor, wait_until
from tests.sharing import made_once

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with some wrong answers; tests work on copies."""
    asked = ("--fault", "wrong-answers=0.3", "--precheck", "warn")
    return made_once(tmp_path_factory, "wrong-run", lambda out: demo(out, *asked))


@pytest.fixture
def out(complete: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(complete, tmp_path / "out"))


@pytest.fixture(scope="module")
def read_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a run of answers that are scored without a process of their own."""
    asked = ("--fault", "wrong-answers=0.3", "--benchmarks", "ocrbench", "--probes", "endpoint", "--precheck", "warn")
    return made_once(tmp_path_factory, "wrong-reading", lambda out: demo(out, *asked))


@pytest.fixture
def reading(read_alone: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(read_alone, tmp_path / "out"))


def files(folder: Path) -> dict[str, bytes]:
    """The content of a folder and of those inside it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rendering_gives_the_same_bytes(out: Path) -> None:
    """From report.json alone come junit, summary and manifest, byte for byte."""
    before = files(out)
    for name in ("junit.xml", "summary.md", "manifest.json"):
        (out / name).unlink()
    ran = kvv("render", out)
    assert ran.status == 0
    assert files(out) == before


def test_an_untouched_run_is_audited_in_agreement(out: Path) -> None:
    """Every score and every number is reached again; the folder stays as it is."""
    before = files(out)
    ran = kvv("audit", out)
    assert (ran.status, ran.err) == (0, "")
    assert "every score and every number of report.json was reached again" in ran.out
    assert files(out) == before


def edited_report(out: Path) -> None:
    """A better score."""
    path = out / "report.json"
    found = report(out)
    found["benchmarks"][1]["score"] = 1.0
    path.write_bytes(orjson.dumps(found))


def edited_reason(out: Path) -> None:
    """Another word."""
    path = out / "report.json"
    path.write_bytes(path.read_bytes().replace(b'"fail"', b'"pass"'))


def edited_score(out: Path) -> None:
    """A wrong answer becomes right in the journal."""
    replace_in_journal(out, b'"value":0.0', b'"value":1.0')


def edited_answer(out: Path) -> None:
    """What the endpoint said becomes something else."""
    replace_in_journal(out, b"In the picture", b"On the picture")


def edited_end(out: Path) -> None:
    """The last line, which no other line vouches for."""
    replace_in_journal(out, b'"reason":""', b'"reason":"x"')


def shortened(out: Path) -> None:
    """The last line is gone."""
    path = out / "journal.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def lost_line(out: Path) -> None:
    """A line in the middle is gone."""
    path = out / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:20] + lines[21:]))


def replace_in_journal(out: Path, old: bytes, new: bytes) -> None:
    """Replace the last occurrence."""
    path = out / "journal.jsonl"
    head, found, tail = path.read_bytes().rpartition(old)
    assert found
    path.write_bytes(head + new + tail)


@pytest.mark.parametrize(
    "edit", [edited_report, edited_reason, edited_score, edited_answer, edited_end, shortened, lost_line]
)
def test_an_edit_is_found(edit: Callable[[Path], None], reading: Path) -> None:
    """Whatever was changed in report or journal, the audit says that something differs."""
    edit(reading)
    ran = kvv("audit", reading)
    assert ran.status == 1
    assert ran.out.startswith("differs: ")


def forged(out: Path) -> None:
    """A score is changed and every digest after it computed again."""
    from kvv_action.journal.file import GENESIS, Reader

    path = out / "journal.jsonl"
    head, lines = GENESIS, []
    for record in Reader(path):
        body: dict[str, Any] = {**record, "prev": head}
        if body["kind"] == "score" and body["score"]["value"] == 0.0:
            body["score"] = {**body["score"], "value": 1.0, "answer": "forged"}
        line = orjson.dumps(body)
        head = _digest(line)
        lines.append(line + b"\n")
    path.write_bytes(b"".join(lines))


def _digest(line: bytes) -> str:
    import hashlib

    return hashlib.sha256(line).hexdigest()


def test_a_forged_journal_is_found_by_scoring_again(out: Path) -> None:
    """A chain that was computed anew does not hide a score that the answer does not deserve."""
    forged(out)
    ran = kvv("audit", out)
    assert ran.status == 1
    assert "scoring again gives 0" in ran.out


@pytest.mark.parametrize(
    "damage", [b"", b"{}", b"[1]", b"not json", b'{"schema_version": 99}', b'{"schema_version": 1}']
)
def test_a_report_that_is_none_is_not_rendered(damage: bytes, out: Path) -> None:
    """Something else in place of report.json gives one message and status 2."""
    (out / "report.json").write_bytes(damage)
    ran = kvv("render", out)
    assert ran.status == 2
    assert ran.err.startswith("kvv: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"\xff\xfe\n", b"x" * 5000, b'{"prev":"' + b"0" * 64 + b'"}\n'])
def test_a_journal_that_is_none_is_not_audited(damage: bytes, reading: Path) -> None:
    """Something else in place of the journal gives one message and no traceback."""
    (reading / "journal.jsonl").write_bytes(damage)
    ran = kvv("audit", reading)
    assert ran.status == 2
    assert ran.err.startswith("kvv: ")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return problems(tmp_path_factory.mktemp("data") / "sums.jsonl", 20)


@pytest.fixture(scope="module")
def base_url(dataset: Path) -> Iterator[str]:
    with vendor("--dataset", f"aime2025={dataset}") as url:
        yield url


def run_arguments(base_url: str, dataset: Path, out: Path) -> tuple[object, ...]:
    """A small run; its data has no reference, so its verdict is open."""
    return (
        "run", "--benchmarks", "aime2025",
        "--base-url", base_url, "--model", "kimi-k2.6", "--dataset", f"aime2025={dataset}", "--out", out,
    )  # fmt: skip


def test_another_plan_is_refused_with_the_difference(base_url: str, dataset: Path, tmp_path: Path) -> None:
    """A folder that holds another run is left alone; the message says where the plans differ and what to do."""
    arguments = run_arguments(base_url, dataset, tmp_path)
    kvv(*arguments)
    before = files(tmp_path)
    ran = kvv(*arguments, "--limit", 5)
    assert ran.status == 2
    assert "(limit: there not set, now 5)" in ran.err
    assert "choose another folder, or set fresh" in ran.err
    assert files(tmp_path) == before


def test_a_complete_run_is_not_asked_again(base_url: str, dataset: Path, tmp_path: Path) -> None:
    """The same command on a complete run sends nothing and leaves the same files."""
    arguments = run_arguments(base_url, dataset, tmp_path)
    first = kvv(*arguments)
    before = files(tmp_path)
    second = kvv(*arguments)
    assert (first.status, second.status) == (3, 3)
    assert "nothing is asked again" in second.err
    assert "(already complete, nothing was sent; --fresh asks again)" in second.out
    assert files(tmp_path) == before


def test_fresh_moves_the_earlier_run_aside(base_url: str, dataset: Path, tmp_path: Path) -> None:
    """With fresh the earlier run keeps all its files under the next free name."""
    arguments = run_arguments(base_url, dataset, tmp_path / "out")
    kvv(*arguments)
    before = files(tmp_path / "out")
    for number in (1, 2):
        assert kvv(*arguments, "--limit", number, "--fresh").status == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.1", "out.2"]
    assert files(tmp_path / "out.1") == before
    assert report(tmp_path / "out")["plan"]["limit"] == 2


def test_fresh_leaves_a_damaged_journal_behind(base_url: str, dataset: Path, tmp_path: Path) -> None:
    """What the message about a damaged journal advises works."""
    arguments = run_arguments(base_url, dataset, tmp_path / "out")
    kvv(*arguments)
    lost_line(tmp_path / "out")
    refused = kvv(*arguments)
    assert refused.status == 2
    assert "fresh" in refused.err
    assert kvv(*arguments, "--fresh").status == 3


def test_fresh_does_not_move_the_working_folder(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in which the command itself works cannot be moved away under it."""
    monkeypatch.chdir(out)
    monkeypatch.setenv("KVV_FRESH", "true")
    before = files(out)
    ran = kvv("demo", "--out", ".")
    assert ran.status == 2
    assert "working folder" in ran.err
    assert files(out) == before


def test_an_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """A file in the way is named."""
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        ran = kvv("demo", "--out", place)
        assert ran.status == 2
        assert ran.err.startswith("kvv: out: ")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_in_place_of_the_journal_is_refused(tmp_path: Path) -> None:
    """A journal that cannot be opened is named."""
    (tmp_path / "journal.jsonl").mkdir()
    ran = kvv("demo", "--out", tmp_path)
    assert (ran.status, ran.err) == (2, f"kvv: {tmp_path}/journal.jsonl: Is a directory\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_out_without_permission_is_refused(tmp_path: Path) -> None:
    """A folder that may not be written is named."""
    tmp_path.chmod(0o500)
    ran = kvv("demo", "--out", tmp_path / "out")
    assert ran.status == 2
    assert "Permission denied" in ran.err


@pytest.mark.parametrize("second", [(), ("--fault", "slow"), ("--fresh",)])
def test_a_second_process_is_kept_out(second: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one process writes a folder, another is refused, whatever it wants there."""
    process = start("demo", *PATIENT, "--fault", "hangs", "--out", tmp_path)
    wait_until(lambda: size(tmp_path / "journal.jsonl") > 0)
    if second == ("--fresh",):
        monkeypatch.setenv("KVV_FRESH", "true")
        second = ()
    ran = kvv("demo", "--out", tmp_path, *(second or ("--fault", "hangs")))
    process.terminate()
    finish(process)
    assert ran.status == 2
    assert "another kvv process is writing to it" in ran.err
    assert report(tmp_path)["state"] == "interrupted"


@pytest.mark.parametrize("room", [0, 600, 9_000])
def test_a_full_disk_is_told_and_later_gone_on_with(room: int, tmp_path: Path) -> None:
    """Without room for another byte the message names journal or reports; with room the same command completes."""
    out = tmp_path / "out"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    asked = ("demo", "--benchmarks", "ocrbench", "--probes", "endpoint,thinking", "--out", out)
    ran = finish(start(*asked, preexec_fn=limit))
    assert ran.status in (2, 3, 130)
    assert "cannot be written: File too large" in ran.err
    assert "Traceback" not in ran.err
    again = kvv(*asked)
    assert again.status == 0, again.err
    assert kvv("audit", out).status == 0
