"""Packing: the same bytes every time, everything named by digest, nothing of a torn line."""

import hashlib
from pathlib import Path

import orjson
import pytest

from benchmarks import registry
from kvv_action.bundle.form import BundleError, Member, check_names, manifest_of, members_of
from kvv_action.bundle.pack import gather, write
from kvv_action.verdict.report import build
from tests.bundle.archives import files_in, packed, small_run


async def test_the_same_run_is_the_same_bytes(tmp_path: Path) -> None:
    """Also when the files lie elsewhere and have other times."""
    run = await small_run(tmp_path)
    first = packed(run.path.parent, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "journal.jsonl").write_bytes(run.path.read_bytes())
    (elsewhere / "report.json").write_text("{}")
    assert packed(elsewhere, tmp_path) == first


async def test_nothing_says_who_when_or_where(tmp_path: Path) -> None:
    """No name, no time, no owner in the headers of gzip and tar; the manifest is first, names are sorted."""
    import io
    import tarfile

    archive = packed((await small_run(tmp_path)).path.parent, tmp_path)
    assert archive[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = tar.getmembers()
    assert {(one.mode, one.uid, one.gid, one.mtime, one.uname, one.gname) for one in members} == {
        (0o644, 0, 0, 0, "", "")
    }
    names = [one.name for one in members]
    assert names == ["manifest.json", *sorted(names[1:])]
    assert names[1:] == ["journal.jsonl", "junit.xml", "report.html", "report.json", "summary.md"]


async def test_the_manifest_names_everything(tmp_path: Path) -> None:
    """Digest and size of every file, versions, datasets, start and end, verdict."""
    run = await small_run(tmp_path)
    files = files_in(packed(run.path.parent, tmp_path))
    manifest = orjson.loads(files.pop("manifest.json"))
    assert manifest["files"] == {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in files.items()
    }
    report = run.report()
    assert manifest["provenance"]["version"] == report.provenance.version
    assert manifest["provenance"]["image"] == ""
    assert manifest["datasets"]["quiz"]["digest"] == "0" * 64
    assert (manifest["started"], manifest["finished"]) == (report.timing.started, report.timing.finished)
    assert (manifest["verdict"], manifest["state"], manifest["redacted"]) == (report.verdict, "complete", False)
    assert manifest["journal"]["head"] == report.journal.head


async def test_reports_are_those_of_the_journal(tmp_path: Path) -> None:
    """What lies in the folder under their names is not taken over; extras are."""
    run = await small_run(tmp_path)
    folder = run.path.parent
    (folder / "report.json").write_text('{"verdict": "pass"}')
    (folder / "summary.md").write_text("all is well")
    (folder / "compare.json").write_text("{}")
    (folder / "k2vv-summary.json").write_text("{}")
    files = files_in(packed(folder, tmp_path))
    assert orjson.loads(files["report.json"])["verdict"] == run.report().verdict != "pass"
    assert b"all is well" not in files["summary.md"]
    assert "compare.json" not in files
    assert files["k2vv-summary.json"] == b"{}"


async def test_a_torn_line_stays_behind(tmp_path: Path) -> None:
    """What a killed process left half is no evidence."""
    run = await small_run(tmp_path)
    whole = run.path.read_bytes()
    run.path.write_bytes(whole + b'{"prev":"half a li')
    assert files_in(packed(run.path.parent, tmp_path))["journal.jsonl"] == whole


async def test_a_file_that_grows_meanwhile_is_refused(tmp_path: Path) -> None:
    """The archive would not be what its manifest says."""
    run = await small_run(tmp_path)
    packing = gather(run.path.parent, tmp_path, redact=False, patterns=registry.extras())
    header_size = packing.paths["journal.jsonl"].stat().st_size

    class Growing(type(packing.paths["journal.jsonl"])):  # type: ignore[misc]
        def stat(self, **options):
            found = super().stat(**options)
            return type("S", (), {"st_size": header_size - 10, "st_mode": found.st_mode})()

    packing.paths["journal.jsonl"] = Growing(packing.paths["journal.jsonl"])
    with pytest.raises(BundleError, match=r"journal.jsonl grew while it was packed"):
        write(packing, (tmp_path / "out").open("wb"))


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/passwd",
        "a/../b",
        "a/b/c",
        ".hidden",
        "a/.b",
        "",
        "manifest.json",
        "a\\b",
        "é",
        "x" * 101,
        "a//b",
        "a/",
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    """Writing and reading obey the same rule."""
    with pytest.raises(BundleError):
        check_names([name, "journal.jsonl"])


def test_names_that_differ_in_case_only_are_refused() -> None:
    """On some machines one would overwrite the other."""
    with pytest.raises(BundleError, match="only in case"):
        check_names(["trajectories/A.txt", "trajectories/a.txt"])


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (b"[]", "not the manifest of a bundle"),
        (b"{", "not the manifest of a bundle"),
        (b'{"bundle":1}', "not the manifest of a bundle"),
        (b'{"bundle":2,"files":{}}', "format 2; this version reads 1"),
        (b'{"bundle":1,"files":{}}', "names no journal.jsonl"),
        (b'{"bundle":1,"files":{"journal.jsonl":{"sha256":"","size":-1}}}', "a size is not possible"),
        (b'{"bundle":1,"files":{"journal.jsonl":{"sha256":"","size":true}}}', "a size is not possible"),
        (b'{"bundle":1,"files":{"journal.jsonl":{"sha256":"","size":1e99}}}', "a size is not possible"),
        (
            b'{"bundle":1,"files":{"journal.jsonl":{"sha256":"","size":8589934591},"x":{"sha256":"","size":1}}}',
            "lists more than",
        ),
    ],
)
def test_a_manifest_is_read_strictly(manifest: bytes, said: str) -> None:
    """Whatever stands in it."""
    with pytest.raises(BundleError, match=said):
        members_of(manifest)


async def test_a_manifest_is_a_function_of_report_and_files(tmp_path: Path) -> None:
    """Its own members can be read back."""
    run = await small_run(tmp_path)
    members = {"journal.jsonl": Member(sha256="a" * 64, size=7)}
    assert members_of(manifest_of(build(run.path), members, {})) == members
