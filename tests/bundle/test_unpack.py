"""Reading an archive that anybody may have made: it is as kvv writes it, or it is refused and says why."""

import gzip
import io
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvv_action.bundle import unpack as unpacking
from kvv_action.bundle.form import BundleError
from kvv_action.bundle.unpack import read_manifest, unpack
from tests.bundle.archives import blocks_of, files_in, packed, small_run, tar_of, with_manifest, zipped

JOURNAL = {"journal.jsonl": b"{}\n"}


def refused(archive: bytes, tmp_path: Path) -> str:
    """Why an archive is refused; nothing is written outside the folder, and no link inside."""
    path, folder = tmp_path / "bundle.tar.gz", tmp_path / "inside" / "folder"
    path.write_bytes(archive)
    folder.mkdir(parents=True)
    with pytest.raises(BundleError) as caught:
        unpack(path, folder)
    assert {one.relative_to(tmp_path).parts[0] for one in tmp_path.rglob("*")} == {"bundle.tar.gz", "inside"}
    assert [one.name for one in (tmp_path / "inside").iterdir()] == ["folder"]
    assert not any(one.is_symlink() for one in folder.rglob("*"))
    return str(caught.value).removeprefix(f"{path}: ")


async def test_what_was_packed_comes_out(tmp_path: Path) -> None:
    """File by file, byte by byte; the manifest can be read alone."""
    run = await small_run(tmp_path)
    (run.path.parent / "k2vv-results.jsonl").write_bytes(os.urandom(100_000))
    archive, folder = packed(run.path.parent, tmp_path), tmp_path / "folder"
    (tmp_path / "a.tar.gz").write_bytes(archive)
    folder.mkdir()
    members = unpack(tmp_path / "a.tar.gz", folder)
    expected = files_in(archive)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected
    assert members.keys() == expected.keys() - {"manifest.json"}
    assert read_manifest(tmp_path / "a.tar.gz") == expected["manifest.json"]


def linked(kind: bytes, target: str) -> Callable[[tarfile.TarInfo], None]:
    def change(header: tarfile.TarInfo) -> None:
        if header.name == "journal.jsonl":
            header.type, header.linkname, header.size = kind, target, 0

    return change


def changed(**fields: object) -> Callable[[tarfile.TarInfo], None]:
    def change(header: tarfile.TarInfo) -> None:
        for name, value in fields.items():
            setattr(header, name, value)

    return change


def named(old: str, new: str) -> Callable[[tarfile.TarInfo], None]:
    def change(header: tarfile.TarInfo) -> None:
        if header.name == old:
            header.name = new

    return change


HOSTILE = {
    "a symbolic link": (
        lambda: zipped(tar_of(with_manifest(JOURNAL), linked(tarfile.SYMTYPE, "/etc/passwd"))),
        "plain file",
    ),
    "a hard link": (
        lambda: zipped(tar_of(with_manifest(JOURNAL), linked(tarfile.LNKTYPE, "manifest.json"))),
        "plain file",
    ),
    "a device": (lambda: zipped(tar_of(with_manifest(JOURNAL), linked(tarfile.CHRTYPE, ""))), "plain file"),
    "a fifo": (lambda: zipped(tar_of(with_manifest(JOURNAL), linked(tarfile.FIFOTYPE, ""))), "plain file"),
    "a folder": (lambda: zipped(tar_of(with_manifest(JOURNAL), linked(tarfile.DIRTYPE, ""))), "plain file"),
    "a path upwards": (lambda: zipped(tar_of(with_manifest({**JOURNAL, "../evil": b"x"}))), "not a valid name"),
    "an absolute path": (lambda: zipped(tar_of(with_manifest({**JOURNAL, "/tmp/evil": b"x"}))), "not a valid name"),
    "another name in the header": (
        lambda: zipped(tar_of(with_manifest(JOURNAL), named("journal.jsonl", "../../evil"))),
        "where journal.jsonl is expected",
    ),
    "an executable": (lambda: zipped(tar_of(with_manifest(JOURNAL), changed(mode=0o755))), "plain file"),
    "setuid": (lambda: zipped(tar_of(with_manifest(JOURNAL), changed(mode=0o4644))), "plain file"),
    "an owner": (lambda: zipped(tar_of(with_manifest(JOURNAL), changed(uid=1000))), "plain file"),
    "a time": (lambda: zipped(tar_of(with_manifest(JOURNAL), changed(mtime=1))), "plain file"),
    "no manifest": (lambda: zipped(tar_of(JOURNAL)), "where manifest.json is expected"),
    "a manifest that comes last": (
        lambda: zipped(tar_of(dict(reversed(with_manifest(JOURNAL).items())))),
        "where manifest.json is expected",
    ),
    "a manifest with a link": (
        lambda: zipped(tar_of(with_manifest(JOURNAL), changed(linkname="x"))),
        "plain file",
    ),
    "one file more than announced": (
        lambda: zipped(tar_of({**with_manifest(JOURNAL), "zzz": b"x"})),
        "more files than its manifest",
    ),
    "one file fewer": (
        lambda: zipped(tar_of({"manifest.json": with_manifest({**JOURNAL, "x": b"x"})["manifest.json"], **JOURNAL})),
        "has no file where x is expected",
    ),
    "a file twice": (
        lambda: zipped(blocks_of(with_manifest(JOURNAL)) + tar_of(JOURNAL)),
        "more files than",
    ),
    "another order": (
        lambda: zipped(
            tar_of(
                {
                    "manifest.json": with_manifest({**JOURNAL, "a": b"x"})["manifest.json"],
                    **JOURNAL,
                    "a": b"x",
                }
            )
        ),
        "where a is expected",
    ),
    "another size": (
        lambda: zipped(tar_of({**with_manifest(JOURNAL), "journal.jsonl": b"{} \n"})),
        "the manifest says 3",
    ),
    "another content": (
        lambda: zipped(tar_of({**with_manifest(JOURNAL), "journal.jsonl": b"[]\n"})),
        "another digest",
    ),
    "a pax header": (
        lambda: zipped(tar_of(with_manifest(JOURNAL), changed(pax_headers={"path": "../evil"}), pax=True)),
        "",
    ),
    "something behind the end of the tar": (
        lambda: zipped(tar_of(with_manifest(JOURNAL)) + b"hidden"),
        "data after its files",
    ),
    "something behind the end of the archive": (
        lambda: zipped(tar_of(with_manifest(JOURNAL))) + b"hidden",
        "data after its end",
    ),
    "two archives in one": (
        lambda: zipped(tar_of(with_manifest(JOURNAL))) * 2,
        "data after its end",
    ),
    "cut off": (lambda: zipped(tar_of(with_manifest(JOURNAL)))[:-20], "cut off"),
    "empty": (lambda: b"", "cut off"),
    "not gzip": (lambda: tar_of(with_manifest(JOURNAL)), "not a .tar.gz"),
    "not tar": (lambda: zipped(os.urandom(2000)), "is expected"),
    "a wrong checksum": (
        lambda: zipped(tar_of(with_manifest(JOURNAL)))[:-8] + bytes(8),
        "damaged",
    ),
    "a huge manifest": (
        lambda: zipped(tar_of({"manifest.json": b" " * (17 * 2**20)})),
        "is too large",
    ),
    "a deeply nested manifest": (
        lambda: zipped(tar_of({"manifest.json": b"[" * 100_000})),
        "not the manifest of a bundle",
    ),
    "a manifest with very many files": (
        lambda: zipped(tar_of(with_manifest({**JOURNAL, **{f"f{number}": b"" for number in range(20_001)}}))),
        "at most 20000",
    ),
    "names that differ in case": (
        lambda: zipped(tar_of(with_manifest({**JOURNAL, "Journal.jsonl": b""}))),
        "only in case",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused(kind: str, tmp_path: Path) -> None:
    """With the reason; and nothing leaves the folder."""
    make, said = HOSTILE[kind]
    assert said in refused(make(), tmp_path)


def bomb(size: int) -> bytes:
    """Zeros that pack a thousand times, announced truthfully."""
    import hashlib

    import orjson

    digest = hashlib.sha256()
    piece = bytes(2**20)
    for _ in range(size // len(piece)):
        digest.update(piece)
    manifest = orjson.dumps({"bundle": 1, "files": {"journal.jsonl": {"sha256": digest.hexdigest(), "size": size}}})
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed:
        packed.write(blocks_of({"manifest.json": manifest}))
        header = tarfile.TarInfo("journal.jsonl")
        header.size = size
        packed.write(header.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(size // len(piece)):
            packed.write(piece)
        packed.write(bytes(10240))
    return out.getvalue()


def test_a_bomb_is_stopped_early(tmp_path: Path) -> None:
    """By its ratio, long before its end, and without taking memory."""
    archive = bomb(256 * 2**20)
    assert len(archive) < 2**19
    tracemalloc.start()
    try:
        assert "like a decompression bomb" in refused(archive, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()
    written = sum(path.stat().st_size for path in (tmp_path / "inside").rglob("*") if path.is_file())
    assert written < 192 * 2**20


def test_a_refusal_names_the_file_and_the_next_step(tmp_path: Path) -> None:
    """A further file is named; whoever got the bundle is told what to do."""
    told = refused(zipped(tar_of({**with_manifest(JOURNAL), "evil.sh": b"x"})), tmp_path)
    assert told.startswith("has more files than its manifest lists: 'evil.sh'. ")
    assert "fetch it again" in told


def test_a_limit_holds_whatever_is_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a stream that says nothing true about itself yields no more than the limit."""
    source = unpacking.Inflated(io.BytesIO(gzip.compress(os.urandom(5000))), most=1000)
    assert len(source.read(1000)) == 1000
    with pytest.raises(BundleError, match="more than 1000 bytes"):
        source.read(1)


def test_a_full_disk_is_foreseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written when there is no room for what is announced."""
    usage = type("Usage", (), {"free": 2})()
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda _: usage)
    assert "has room for 2" in refused(zipped(tar_of(with_manifest(JOURNAL))), tmp_path)
    assert list((tmp_path / "inside" / "folder").iterdir()) == []


VALID = zipped(tar_of(with_manifest({**JOURNAL, "report.json": b"{}"})))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(VALID) - 1), value=st.integers(0, 255))
def test_no_single_byte_can_be_changed(place: int, value: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A changed byte is refused, or changes nothing that comes out; it never crashes."""
    tmp_path = tmp_path_factory.mktemp("byte")
    data = bytearray(VALID)
    data[place] = value
    (tmp_path / "a.tar.gz").write_bytes(data)
    (tmp_path / "folder").mkdir()
    try:
        unpack(tmp_path / "a.tar.gz", tmp_path / "folder")
    except BundleError:
        return
    assert {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()} == files_in(VALID)
