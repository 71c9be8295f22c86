"""Every command reaches, from runs of an earlier day and place, the bytes that were reached when they were made."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from kvv_action.plan.plan import plan_digest
from kvv_action.schema import RunPlan
from tests.golden.store import (
    BUNDLE,
    BUNDLES,
    PAIRS,
    PROFILES,
    RECORD,
    RENDERED,
    RUNS,
    SETTLED,
    as_json,
    audited,
    difference,
    expected,
    files_of,
    members,
    packed,
    say,
    submitted,
    unpacked,
)

RUN_NAMES, PAIR_NAMES, BUNDLE_NAMES = (
    sorted(path.name for path in folder.iterdir() if path.is_dir()) for folder in (RUNS, PAIRS, BUNDLES)
)
REPORT, MANIFEST = "report.json", "manifest.json"
SHARDS = ("shard-1", "shard-2", "shard-3")


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another time zone than where the set was made, and no settings of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith(("KVV_", "INPUT_", "GITHUB_")):
            monkeypatch.delenv(name)
    for name, value in {**SETTLED, "TZ": "Pacific/Kiritimati"}.items():
        monkeypatch.setenv(name, value)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A golden run as kvv wrote it, somewhere else."""
    return unpacked(RUNS / request.param, tmp_path / "elsewhere" / request.param)


MOVED_ON = ("precheck", "toolcall")
"""Benchmarks whose probes or bundled samples have changed since: their old answers cannot be scored again."""

every_run = pytest.mark.parametrize("folder", RUN_NAMES, indirect=True)


def same(wanted: bytes, found: bytes, name: str) -> None:
    """Fails with the first differing lines."""
    assert found == wanted, f"{name}:\n{difference(wanted, found)}"


@every_run
def test_render_writes_the_same_files(folder: Path) -> None:
    """All reports follow from report.json, and from compare.json where there is one."""
    before = files_of(folder)
    for name in RENDERED:
        (folder / name).unlink(missing_ok=True)
    assert say(folder, "render", folder)["status"] == 0
    after = files_of(folder)
    assert after.keys() == before.keys()
    assert orjson.loads(after[REPORT]) == orjson.loads(before[REPORT])
    for name in before:
        same(before[name], after[name], name)


@every_run
def test_audit_agrees(folder: Path) -> None:
    """Every score and every number is reached again from the journal."""
    report = (folder / REPORT).read_bytes()
    holds(expected(RUNS / folder.name)["audit"], audited(folder, folder, report), report)


def holds(wanted: Any, found: Any, report: bytes) -> None:
    """An audit says what it said, but for benchmarks that ask something else now."""
    ids = [one["id"] for one in orjson.loads(report)["plan"]["benchmarks"]]
    moved = tuple(f"report.benchmarks[{place}]" for place, name in enumerate(ids) if name in MOVED_ON)
    lines = [line.removeprefix("differs: ") for line in found["out"].splitlines() if line.startswith("differs: ")]
    others = [line for line in lines if not line.startswith((*MOVED_ON, *moved, "report.reason", "report.verdict"))]
    assert others == []
    if not lines:
        same(as_json(wanted), as_json(found), "audit")
    else:  # it must be said why: another version, or other samples
        assert found["status"] == 1
        assert any("scored by version" in line or "the dataset at hand" in line for line in lines)


@every_run
@pytest.mark.parametrize("options", [(), ("--redact",)], ids=["full", "redacted"])
def test_bundle_packs_the_same_bytes(options: tuple[str, ...], folder: Path, tmp_path: Path) -> None:
    """Reports that are made again from the journal, and the archive around them."""
    wanted = expected(RUNS / folder.name)[" ".join(["bundle", *options])]
    found = packed(folder, tmp_path / BUNDLE, *options)
    if found["archive"]["zlib"] != wanted["archive"]["zlib"]:  # which may compress to other bytes
        found["archive"] = wanted["archive"]
    same(as_json(wanted), as_json(found), "bundle")
    if not options:
        content = members((tmp_path / BUNDLE).read_bytes())
        same((folder / REPORT).read_bytes(), content[REPORT], "report.json from the journal")


@every_run
def test_submit_makes_the_same_record(folder: Path) -> None:
    """Or refuses with the same words."""
    source = RUNS / folder.name
    said, record = submitted(folder, folder)
    same(as_json(expected(source)["leaderboard submit"]), as_json(said), "leaderboard submit")
    assert (record is not None) == (source / RECORD).is_file()
    if record is not None:
        same((source / RECORD).read_bytes(), record, RECORD)


@every_run
def test_the_plan_has_the_digest_of_its_day(folder: Path) -> None:
    """A plan that is read has no field more or less, and none in another place, than when it was made."""
    report = orjson.loads((folder / REPORT).read_bytes())
    assert plan_digest(TypeAdapter(RunPlan).validate_python(report["plan"])) == report["plan_digest"]


@pytest.mark.parametrize("name", PAIR_NAMES)
def test_compare_says_the_same(name: str, tmp_path: Path) -> None:
    """Words, records and exit status."""
    source = PAIRS / name
    wanted = expected(source)
    base, new = (unpacked(RUNS / wanted[side], tmp_path / side / wanted[side]) for side in ("base", "new"))
    said = say(tmp_path, "compare", base, new, "--out", tmp_path / "compared")
    same(as_json(wanted["compare"]), as_json(said), "compare")
    found = files_of(tmp_path / "compared")
    kept = files_of(unpacked(source, tmp_path / "kept"))
    assert found.keys() == kept.keys()
    for file, data in kept.items():
        same(data, found[file], file)


@pytest.mark.parametrize("name", BUNDLE_NAMES)
def test_an_archive_is_read_as_before(name: str, tmp_path: Path) -> None:
    """Its audit and its record, also where the texts were taken out."""
    source, copy = BUNDLES / name, tmp_path / BUNDLE
    copy.write_bytes((source / BUNDLE).read_bytes())
    wanted = expected(source)
    report = members(copy.read_bytes())[REPORT]
    holds(wanted["audit"], audited(copy, tmp_path, report), report)
    said, record = submitted(copy, tmp_path)
    same(as_json(wanted["leaderboard submit"]), as_json(said), "leaderboard submit")
    same((source / RECORD).read_bytes(), record or b"", RECORD)


@pytest.mark.parametrize(("name", "shards"), [("merged", SHARDS), ("merged-without-one", (SHARDS[0], SHARDS[2]))])
def test_shards_are_merged_to_the_same_journal(name: str, shards: tuple[str, ...], tmp_path: Path) -> None:
    """And to the same reports; the order in which they are named does not matter."""
    folders = [unpacked(RUNS / shard, tmp_path / shard) for shard in reversed(shards)]
    wanted = files_of(unpacked(RUNS / name, tmp_path / "wanted"))
    say(tmp_path, "merge", *folders, "--out", tmp_path / "out")
    found = files_of(tmp_path / "out")
    assert found.keys() == wanted.keys()
    for file, data in wanted.items():
        same(data, found[file], file)


def test_a_result_file_is_imported_to_the_same_run(tmp_path: Path) -> None:
    """But for versions of what took part, and with them the chain: these say who imported it."""
    kept = unpacked(RUNS / "imported", tmp_path / "kept")
    source, official, out = kept / "results.jsonl", kept / "official.jsonl", tmp_path / "out"
    profile = PROFILES / "kimi-k2-thinking.toml"
    say(
        tmp_path, "import-k2vv", source, "--reference", official, "--vendor", "example", "--out", out,
        "--profile", profile,
    )  # fmt: skip
    wanted, found = (_unchained(folder / "journal.jsonl") for folder in (kept, out))
    same(wanted, found, "journal.jsonl")
    old, new = (orjson.loads((folder / REPORT).read_bytes()) for folder in (kept, out))
    for name in old.keys() - {"journal", "provenance"}:
        same(as_json(old[name]), as_json(new[name]), name)
    for path in kept.glob("k2vv-*"):
        same(path.read_bytes(), (out / path.name).read_bytes(), path.name)


def _unchained(journal: Path) -> bytes:
    """A journal without its chain, and without what took part."""
    lines = map(orjson.loads, journal.read_bytes().splitlines())
    kept = [{name: value for name, value in line.items() if name not in ("prev", "provenance")} for line in lines]
    return b"\n".join(orjson.dumps(line) for line in kept)
