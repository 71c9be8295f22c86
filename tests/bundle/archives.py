"""Bundles of a small run, and archives that somebody else has made."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from benchmarks import registry
from kvv_action.bundle.pack import gather, write
from tests.ask.fakes import FakeClient, Quiz, Run, make_run, said, text_of


def wrong_at_two(body: Mapping[str, Any]) -> Any:
    """A quiz with one wrong answer, and texts that are easy to find."""
    number = text_of(body).split()[1]
    return said(
        "a wrong answer in secret words" if number == "2" else number, reasoning="thoughts that are nobody's business"
    )


async def small_run(tmp_path: Path, client: FakeClient | None = None) -> Run:
    """A run of five questions in a folder of its own."""
    folder = tmp_path / "run"
    folder.mkdir(parents=True)
    run = make_run(folder, Quiz(count=5))
    await run.session(client or FakeClient(wrong_at_two))
    return run


def packed(folder: Path, tmp_path: Path, *, redact: bool = False) -> bytes:
    """The bundle of a run's folder."""
    scratch = tmp_path / f"scratch-{len(list(tmp_path.iterdir()))}"
    scratch.mkdir()
    out = io.BytesIO()
    write(gather(folder, scratch, redact=redact, patterns=registry.extras()), out)
    return out.getvalue()


def files_in(archive: bytes) -> dict[str, bytes]:
    """The content of an archive, by somebody else's reader."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


Change = Callable[[tarfile.TarInfo], None]


def tar_of(files: Mapping[str, bytes], change: Change = lambda _: None, *, pax: bool = False) -> bytes:
    """A tar, uncompressed; headers as `change` leaves them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT if pax else tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            change(header)
            tar.addfile(header, io.BytesIO(data) if header.isreg() else None)
    return out.getvalue()


def blocks_of(files: Mapping[str, bytes]) -> bytes:
    """A tar without its end, so that more can follow."""
    return tar_of(files)[: sum(512 + len(data) + -len(data) % 512 for data in files.values())]


def zipped(data: bytes) -> bytes:
    """A gzip member."""
    return gzip.compress(data, mtime=0)


def with_manifest(files: Mapping[str, bytes], **changes: Any) -> dict[str, bytes]:
    """Files behind a manifest that announces them truthfully, in order, but for the changes."""
    manifest = {
        "bundle": 1,
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in files.items()
        },
        **changes,
    }
    return {"manifest.json": orjson.dumps(manifest), **dict(sorted(files.items()))}
