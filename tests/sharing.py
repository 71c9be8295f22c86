"""What several test processes use is made once: the first that needs it makes it while the others wait."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """This process's own copy of a folder that `make` fills once for all processes of this session."""
    folder, done = _root(factory) / name, _root(factory) / f"{name}.made"
    with one_at_a_time(factory, name):
        if not done.is_file():
            shutil.rmtree(folder, ignore_errors=True)  # what another process began and could not finish
            folder.mkdir()
            make(folder)
            done.touch()
    return Path(shutil.copytree(folder, factory.mktemp(name) / name))


@contextmanager
def one_at_a_time(factory: pytest.TempPathFactory, name: str) -> Iterator[None]:
    """No two processes of this session are in here at once."""
    with (_root(factory) / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _root(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder that all processes of this session share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
