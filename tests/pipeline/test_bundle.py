"""Bundles as people make, publish and check them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from entrypoint import evidence
from kvv_action.errors import KvvError
from tests.bundle.archives import files_in, tar_of, with_manifest, zipped
from tests.pipeline.command import demo, kvv, report
from tests.pipeline.test_canary import KEYS, spellings
from tests.sharing import made_once

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with wrong answers and failures, and its bundles; tests work on copies."""
    return made_once(tmp_path_factory, "bundled-run", bundled)


@pytest.fixture(scope="module")
def read_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a run of answers that are scored without a process of their own."""
    asked = ("--benchmarks", "ocrbench", "--probes", "endpoint")
    return made_once(tmp_path_factory, "bundled-reading", lambda out: bundled(out, *asked))


def bundled(out: Path, *asked: str) -> None:
    demo(out, "--fault", "wrong-answers=0.3", "--fault", "disconnects=0.1", "--precheck", "warn", *asked)
    assert kvv("bundle", out).status == 0
    assert kvv("bundle", out, "--redact").status == 0


@pytest.fixture
def reading(read_alone: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(read_alone, tmp_path / "out"))


@pytest.fixture
def out(complete: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(complete, tmp_path / "out"))


def test_a_bundle_is_audited_from_scratch(out: Path, tmp_path: Path) -> None:
    """Without the endpoint and without the folder it came from; nothing is left behind."""
    archive = tmp_path / "somewhere.tar.gz"
    (out / "evidence.tar.gz").rename(archive)
    shutil.rmtree(out)
    ran = kvv("audit", archive)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == (f"{archive}: the chain holds, every score and every number of report.json was reached again\n")
    assert [path.name for path in tmp_path.iterdir()] == ["somewhere.tar.gz"]


def test_packing_twice_gives_the_same_bytes(out: Path) -> None:
    """The command is a function of the run."""
    before = (out / "evidence.tar.gz").read_bytes()
    ran = kvv("bundle", out)
    assert ran.status == 0
    assert (out / "evidence.tar.gz").read_bytes() == before
    assert f"{len(before)} bytes, sha256:" in ran.out


def test_a_redacted_bundle_says_what_it_cannot_show(out: Path) -> None:
    """Status 3: everything that can be checked holds, the scores cannot be."""
    ran = kvv("audit", out / "evidence-redacted.tar.gz")
    assert (ran.status, ran.err) == (3, "")
    assert "not checked: the scores themselves" in ran.out
    files = files_in((out / "evidence-redacted.tar.gz").read_bytes())
    assert b"nobody can recompute the scores" in files["summary.md"]
    assert b"nobody can recompute the scores" in files["report.html"]
    manifest = orjson.loads(files["manifest.json"])
    assert manifest["redacted"] is True
    # and, where there is an engine, what SWE-bench leaves
    assert {"k2vv-results.jsonl", "k2vv-summary.json"} <= set(manifest["left_out"])
    assert not set(manifest["left_out"]) & set(files)
    bare, whole = orjson.loads(files["report.json"]), report(out)
    assert bare["verdict"] == whole["verdict"]
    for mine, theirs in zip(bare["benchmarks"], whole["benchmarks"], strict=True):
        for name in ("score", "interval", "counts", "verdict", "metrics", "bounds", "diagnosis"):
            assert mine[name] == theirs[name]


def repacked(change: Callable[[dict[str, bytes]], None], archive: Path) -> None:
    """An archive with other files behind a manifest that announces them truthfully."""
    files = files_in(archive.read_bytes())
    manifest = orjson.loads(files.pop("manifest.json"))
    change(files)
    archive.write_bytes(zipped(tar_of(with_manifest(files, **{
        name: value for name, value in manifest.items() if name != "files"
    }))))  # fmt: skip


def better_report(files: dict[str, bytes]) -> None:
    found = orjson.loads(files["report.json"])
    found["benchmarks"][1]["score"] = 1.0
    files["report.json"] = orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def better_summary(files: dict[str, bytes]) -> None:
    files["summary.md"] = files["summary.md"].replace(b"fail", b"pass")


def better_score(files: dict[str, bytes]) -> None:
    files["journal.jsonl"] = files["journal.jsonl"].replace(b'"value":0.0', b'"value":1.0')


def without_a_line(files: dict[str, bytes]) -> None:
    lines = files["journal.jsonl"].splitlines(keepends=True)
    files["journal.jsonl"] = b"".join(lines[:20] + lines[21:])


def without_a_report(files: dict[str, bytes]) -> None:
    del files["report.json"]


@pytest.mark.parametrize("change", [better_report, better_summary, better_score, without_a_line, without_a_report])
@pytest.mark.parametrize("name", ["evidence.tar.gz", "evidence-redacted.tar.gz"])
def test_a_forged_bundle_is_found(change: Callable[[dict[str, bytes]], None], name: str, reading: Path) -> None:
    """Although its manifest was made anew; the difference is named."""
    repacked(change, reading / name)
    ran = kvv("audit", reading / name)
    assert ran.status == 1
    assert ran.out.startswith("differs: ")


@pytest.mark.parametrize("field", ["verdict", "started", "provenance", "datasets", "plan", "redacted"])
def test_a_forged_manifest_is_found(field: str, reading: Path) -> None:
    """Whatever it claims is compared with what follows from the journal."""
    files = files_in((reading / "evidence.tar.gz").read_bytes())
    manifest = orjson.loads(files.pop("manifest.json"))
    manifest[field] = {"forged": True}
    claims = {name: value for name, value in manifest.items() if name != "files"}
    (reading / "evidence.tar.gz").write_bytes(zipped(tar_of(with_manifest(files, **claims))))
    ran = kvv("audit", reading / "evidence.tar.gz")
    assert ran.status == 1
    assert f"manifest.json.{field}" in ran.out


def test_an_archive_that_is_no_bundle_is_refused(out: Path) -> None:
    """One line, wrong usage."""
    path = out / "other.tar.gz"
    path.write_bytes(zipped(tar_of({"journal.jsonl": b"{}\n"})))
    ran = kvv("audit", path)
    assert (ran.status, ran.out) == (2, "")
    assert "where manifest.json is expected" in ran.err
    path.write_bytes(b"<html>not found</html>")
    assert "is no bundle, because it is not compressed by gzip" in kvv("audit", path).err


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("redact", [(), ("--redact",)])
def test_a_key_is_in_no_byte(
    key: str, redact: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the vendor threw it back in every answer."""
    monkeypatch.setenv("KVV_API_KEY", key)
    demo(tmp_path, "--fault", "error-echoes-key", "--benchmarks", "aime2025", "--precheck", "off")
    ran = kvv("bundle", tmp_path, *redact, "--out", tmp_path / "b.tar.gz")
    assert ran.status == 0
    content = files_in((tmp_path / "b.tar.gz").read_bytes())
    found = [(name, form) for name, data in content.items() for form in spellings(key) if form in data]
    assert found == []


def test_a_run_that_holds_the_key_is_not_packed(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of another program, or with a key that is known only now; nothing is written, the key is not shown."""
    answer = orjson.loads(next(line for line in (out / "journal.jsonl").open() if '"completion"' in line))
    secret = answer["completion"]["raw_sha256"][:40]
    monkeypatch.setenv("KVV_API_KEY", secret)
    (out / "evidence.tar.gz").unlink()
    ran = kvv("bundle", out, "--allow-key-like")
    assert (ran.status, ran.out) == (2, "")
    assert "one of your own keys" in ran.err
    assert secret not in ran.err
    assert not (out / "evidence.tar.gz").exists()
    assert not list(out.glob(".evidence*"))


def test_what_looks_like_a_key_is_asked_about(out: Path) -> None:
    """Somebody has to look; then it can be packed."""
    (out / "k2vv-summary.json").write_text('{"x": "ghp_' + "a1B2" * 9 + '"}')
    ran = kvv("bundle", out)
    assert ran.status == 2
    assert "k2vv-summary.json, line 1: looks like a GitHub token (ghp_a1" in ran.err
    assert kvv("bundle", out, "--allow-key-like").status == 0


def test_shards_are_bundled_merged(tmp_path: Path) -> None:
    """A merge has one bundle, with the evidence of all shards."""
    for number in (1, 2, 3):
        demo(tmp_path / f"shards/{number}", "--shard", f"{number}/3", "--benchmarks", "aime2025")
    assert kvv("merge", tmp_path / "shards", "--out", tmp_path / "merged").status == 0
    assert kvv("bundle", tmp_path / "merged").status == 0
    assert kvv("audit", tmp_path / "merged/evidence.tar.gz").status == 0
    assert kvv("bundle", tmp_path / "merged", "--redact").status == 0
    assert kvv("audit", tmp_path / "merged/evidence-redacted.tar.gz").status == 3


def test_an_unfinished_run_can_be_bundled(out: Path) -> None:
    """It is evidence all the same; its manifest says how far it came."""
    lines = (out / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (out / "journal.jsonl").write_bytes(b"".join(lines[:-3]) + lines[-3][:50])
    assert kvv("bundle", out).status == 0
    manifest = orjson.loads(files_in((out / "evidence.tar.gz").read_bytes())["manifest.json"])
    assert (manifest["state"], manifest["verdict"]) == ("interrupted", "fail")
    assert kvv("audit", out / "evidence.tar.gz").status == 0


def test_a_killed_run_is_bundled_with_a_warning(out: Path) -> None:
    """It has no report yet; and what is wrong with its journal is said of the journal, not of a copy."""
    (out / "report.json").unlink()
    ran = kvv("bundle", out)
    assert (ran.status, ran.err[:9]) == (0, "warning: ")
    journal = (out / "journal.jsonl").read_bytes()
    (out / "journal.jsonl").write_bytes(journal.replace(b'"schema":1', b'"schema":9', 1))
    assert kvv("bundle", out).err.startswith(f"kvv: {out / 'journal.jsonl'}: has schema 9")


def test_a_submission_takes_bundle_or_folder(out: Path) -> None:
    """From a folder with a bundle in it, the record names the bundle; a bundle of another run is refused."""
    found = evidence.read(out / "evidence.tar.gz", "https://example.com/b.tar.gz")
    assert found.bundle is not None
    assert (found.bundle.size, found.bundle.redacted) == ((out / "evidence.tar.gz").stat().st_size, False)
    assert found.bundle.url == "https://example.com/b.tar.gz"
    assert evidence.read(out).bundle == evidence.read(out / "evidence.tar.gz").bundle
    (out / "evidence.tar.gz").unlink()
    redacted = evidence.read(out)
    assert redacted.bundle is not None
    assert redacted.bundle.redacted
    (out / "evidence-redacted.tar.gz").unlink()
    assert evidence.read(out).bundle is None
    demo(out.parent / "other", "--benchmarks", "aime2025", "--precheck", "off")
    kvv("bundle", out.parent / "other", "--out", out / "evidence.tar.gz")
    with pytest.raises(KvvError, match="is not the bundle of this run"):
        evidence.read(out)


def test_a_folder_without_a_run_cannot_be_bundled(tmp_path: Path) -> None:
    """One line, wrong usage."""
    ran = kvv("bundle", tmp_path)
    assert (ran.status, ran.out) == (2, "")
    assert "no journal.jsonl there" in ran.err
