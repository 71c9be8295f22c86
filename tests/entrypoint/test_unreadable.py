"""Files and folders that settings name and that the system does not let us read: named, with the system's reason."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import tokenizer
from benchmarks.beam import layout as beam
from benchmarks.deepswe import folders as deepswe
from benchmarks.precheck.mfjs.cases import FILE, from_folder
from benchmarks.toolcall.drawing import DrawOrder, draw
from entrypoint.config_file import with_config
from entrypoint.usecases.merge import journals_in
from kvv_action.benchmark import DatasetPin
from kvv_action.dataset.hub import usable_cache
from kvv_action.dataset.load import load
from kvv_action.errors import KvvError
from kvv_action.leaderboard.packs import served
from kvv_action.leaderboard.store import record_files
from kvv_action.settings import Settings

REASON = "Permission denied; let this user (id "
PIN = DatasetPin(hub_id="a/b", config=None, split="test", revision="", count=1, digest="", columns=("x",), licence="")


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file or folder in which everything is refused, also for a user who may do all."""
    place = tmp_path / "refused"

    def guarded(read: Callable[..., Any]) -> Callable[..., Any]:
        def answer(path: Any, *given: Any, **named: Any) -> Any:
            if Path(path).is_relative_to(place):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return read(path, *given, **named)

        return answer

    monkeypatch.setattr(os, "listdir", guarded(os.listdir))
    monkeypatch.setattr(Path, "open", guarded(Path.open))
    return place


def told(call: Callable[[], object]) -> str:
    """The message of what cannot be used."""
    with pytest.raises(KvvError) as found:
        call()
    return str(found.value)


@pytest.mark.parametrize(
    ("named", "use"),
    [
        ("mfjs-cases", from_folder),
        ("dataset-cache", lambda place: usable_cache(str(place))),
        ("", lambda place: load("quiz", "tests", PIN, str(place))),
    ],
)
def test_a_folder(named: str, use: Callable[[Path], object], refused: Path) -> None:
    """Nothing of it is taken for an empty one."""
    (refused / "TestA").mkdir(parents=True)
    (refused / "TestA" / FILE).touch()
    said = told(lambda: use(refused))
    assert said.startswith(named)
    assert str(refused) in said
    assert REASON in said


@pytest.mark.parametrize(
    ("named", "use"),
    [
        ("tokenizer", lambda file: tokenizer.load(str(file))),
        ("config", lambda file: with_config({}, str(file), Settings)),
    ],
)
def test_a_file(named: str, use: Callable[[Path], object], refused: Path) -> None:
    """It is not called a file of another kind."""
    refused.touch()
    said = told(lambda: use(refused))
    assert said.startswith(f"{named}: {str(refused)!r} is not valid. The file cannot be read: {REASON}")


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The name of folders that let nobody in, also no user who may do all."""
    name = "locked"

    def guarded(read: Callable[..., Any], *, itself: bool) -> Callable[..., Any]:
        def answer(path: Any, *given: Any, **named: Any) -> Any:
            if isinstance(path, str | Path) and name in (Path(path) if itself else Path(path).parent).parts:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return read(path, *given, **named)

        return answer

    monkeypatch.setattr(os, "listdir", guarded(os.listdir, itself=True))
    monkeypatch.setattr(os, "scandir", guarded(os.scandir, itself=True))
    monkeypatch.setattr(os, "stat", guarded(os.stat, itself=False))
    return name


@pytest.mark.parametrize(
    ("place", "use"),
    [
        ("results/{}", record_files),
        ("results/acme/{}", record_files),
        ("references/{}", served),
        ("{}", journals_in),
        ("shards/{}", journals_in),
        ("{}", deepswe.rows),
        ("tasks/{}", deepswe.rows),
    ],
)
def test_a_folder_below(place: str, use: Callable[[Path], object], locked: str, tmp_path: Path) -> None:
    """It is no empty one: nobody takes a part for the whole."""
    (tmp_path / place.format(locked)).mkdir(parents=True)
    with pytest.raises(OSError, match="Permission denied"):
        use(tmp_path)


def test_a_folder_of_a_copied_repository(locked: str, tmp_path: Path) -> None:
    """One conversation of several that cannot be read makes the copy unusable, with the reason."""
    for name in ("1", locked):
        (tmp_path / name).mkdir()
    (tmp_path / "1" / "chat.json").write_text("[]")
    read = beam.layout("1m", tmp_path)
    assert read is not None
    assert REASON in told(lambda: list(read()))


@pytest.mark.parametrize("place", ["tools", "histories"])
def test_a_folder_of_drawn_requests(place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same of the folders of which requests are drawn."""
    for name, content in (("tools", '{"name": "look"}'), ("histories", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.json").write_text(content)
    listdir = os.listdir

    def refusing(path: Any) -> list[str]:
        if Path(path).name == place:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refusing)
    with pytest.raises(OSError, match="Permission denied"):
        draw(tmp_path, DrawOrder())
