"""Files and folders that settings name and that the system does not let us read: named, with the system's reason."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import tokenizer
from benchmarks.precheck.mfjs.cases import FILE, from_folder
from entrypoint.config_file import with_config
from kvv_action.benchmark import DatasetPin
from kvv_action.dataset.hub import usable_cache
from kvv_action.dataset.load import load
from kvv_action.errors import KvvError
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
