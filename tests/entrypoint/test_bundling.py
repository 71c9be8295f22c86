"""Packing goes on in a thread while the files are searched for secrets."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import pytest

from entrypoint import bundling
from entrypoint.bundling import BundleError, bundle
from kvv_action.redact import Redactor
from tests.ask.fakes import FakeClient, said
from tests.bundle.archives import small_run

KEY = "sk-bundling-0123456789abcdef"


def telling(body: Mapping[str, Any]) -> Any:
    """An endpoint that says the key in its answers."""
    return said(f"{body['model']} knows {KEY}")


async def test_an_interruption_ends_the_packing_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and without a trace; a long archive would take minutes."""

    def endless(packing: object, out: IO[bytes]) -> None:
        while True:
            out.write(b"more")
            time.sleep(0.001)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    folder = (await small_run(tmp_path)).path.parent
    before = sorted(folder.iterdir())
    monkeypatch.setattr(bundling, "write", endless)
    monkeypatch.setattr(bundling, "suspects", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bundle(folder, redact=False, secrets=Redactor())
    assert sorted(folder.iterdir()) == before


async def test_a_pipe_gets_nothing_of_a_run_that_holds_a_key(tmp_path: Path) -> None:
    """What was written to a pipe cannot be taken back."""
    folder = (await small_run(tmp_path, FakeClient(telling))).path.parent
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(BundleError, match="holds what looks like a key"):
            bundle(folder, pipe, redact=False, secrets=Redactor([KEY]))
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)
