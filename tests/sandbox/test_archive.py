"""Files out of archives that a container made."""

import io
import tarfile
from collections.abc import Iterator

import pytest

from kvv_action.errors import SandboxError
from kvv_action.sandbox import archive


def made(entry: tarfile.TarInfo, data: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    entry.size = len(data)
    with tarfile.open(fileobj=buffer, mode="w") as found:
        found.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize("size", [1, 7, 512, 100_000])
def test_one_file(size: int) -> None:
    """Cut anywhere, its bytes are the same; a name that leads elsewhere leads nowhere."""
    data = bytes(range(256)) * 10
    packed = made(tarfile.TarInfo("../../etc/passwd"), data)
    blocks = (packed[start : start + size] for start in range(0, len(packed), size))
    assert archive.unpacked(blocks, 10_000, "/x") == data


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_no_regular_file(kind: bytes) -> None:
    """Links, folders and devices are refused."""
    entry = tarfile.TarInfo("x")
    entry.type, entry.linkname = kind, "/etc/passwd"
    with pytest.raises(SandboxError, match="not a regular file"):
        archive.unpacked([made(entry)], 100, "/x")


def test_too_large_a_file_is_not_read() -> None:
    """Only as much comes from the engine as the decision needs."""
    read = 0

    def blocks() -> Iterator[bytes]:
        nonlocal read
        entry = tarfile.TarInfo("x")
        entry.size = 2**40
        yield entry.tobuf()
        while True:
            read += 1
            yield bytes(2**20)

    with pytest.raises(SandboxError, match="at most 100 are read"):
        archive.unpacked(blocks(), 100, "/x")
    assert read <= 1


@pytest.mark.parametrize("packed", [b"", b"nonsense" * 200, made(tarfile.TarInfo("x"), b"y" * 2000)[:700]])
def test_damaged(packed: bytes) -> None:
    """What is cut short or no archive at all is an error."""
    with pytest.raises(SandboxError):
        archive.unpacked([packed], 10_000, "/x")


def test_same_files_same_bytes() -> None:
    """So that what an image is built from can be compared."""
    assert archive.context({"b": b"2", "a": b"1"}) == archive.context({"a": b"1", "b": b"2"})
