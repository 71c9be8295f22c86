"""Submissions with their evidence archive: recomputed, attested, redacted, damaged."""
# ruff: noqa: F811 - the fixture of another test

import copy
import gzip
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from entrypoint import bundling
from kvv_action.journal.file import Reader, chained
from kvv_action.leaderboard.record import Mark, load
from kvv_action.report.files import canonical, sha256
from tests.github.test_attestation import SIGNER, answer, gh  # noqa: F401
from tests.golden.store import extract
from tests.leaderboard.board import RULES
from tests.pipeline.command import Ran, kvv, problems, vendor

Gh = Callable[..., Path]


def submission(run: Path, root: Path, *options: str) -> Path:
    """The record that a submission would propose, in a checkout with rules."""
    dry = kvv("leaderboard", "submit", run, "--leaderboard-repo", "a/b", "--leaderboard-dry-run",
              "--leaderboard-allow-incomplete", *options)  # fmt: skip
    assert dry.status == 0, dry.err
    content = next(json.loads(line.partition(": ")[2]) for line in dry.out.splitlines() if '"content": ' in line)
    place = next(json.loads(line.partition(": ")[2].rstrip(",")) for line in dry.out.splitlines() if '"path": ' in line)
    root.mkdir(exist_ok=True)
    (root / "leaderboard.toml").write_bytes(RULES)
    file = root / place
    file.parent.mkdir(parents=True)
    file.write_text(content)
    return file


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    """A copy of the run, to pack and to damage."""
    return Path(shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("evidence*.tar.gz")))


@pytest.fixture
def in_workflow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same run as if a workflow of acme/evals had made it."""
    records = list(Reader(folder / "journal.jsonl"))
    for record in records:
        if record["kind"] == "session":
            record["provenance"]["github"] = {
                "repository": "acme/evals",
                "run_id": "77",
                "server": "https://github.com",
            }
    for name in ("report.json", "evidence.tar.gz"):
        (folder / name).unlink(missing_ok=True)
    write(folder / "journal.jsonl", records)
    return folder


def write(journal: Path, records: list[Any]) -> None:
    """A journal with a whole chain."""
    bodies = (orjson.dumps({name: value for name, value in record.items() if name != "prev"})[1:] for record in records)
    journal.write_bytes(b"".join(chained(bodies)))


def check(file: Path, *options: object) -> Ran:
    root = next(parent for parent in file.parents if (parent / "leaderboard.toml").is_file())
    return kvv("leaderboard", "check", file, "--root", root, *options)


def test_a_submission_packs_its_evidence(folder: Path, tmp_path: Path) -> None:
    """The record names digest, size and address of the bundle beside the run."""
    file = submission(folder, tmp_path / "board", "--leaderboard-evidence-url", "https://e.example/run.tar.gz")
    record = load(file.read_bytes())
    assert record.evidence is not None
    assert record.evidence.bundle is not None
    archive = folder / "evidence.tar.gz"
    assert (record.evidence.bundle.size, record.evidence.bundle.url) == (
        archive.stat().st_size, "https://e.example/run.tar.gz",
    )  # fmt: skip
    ran = check(file, "--evidence", archive)
    assert ran.status == 0, ran.out
    assert "every score and every number" in ran.out


def test_the_same_run_again_is_the_same_record(folder: Path, tmp_path: Path) -> None:
    """Bundles are the same bytes, so submitting twice is one pull request."""
    one, two = (submission(folder, tmp_path / name) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_bundle_of_an_earlier_state_is_made_again(folder: Path, tmp_path: Path) -> None:
    """A run that went on has another journal."""
    other = tmp_path / "demo"
    kvv("demo", "--benchmarks", "precheck", "--probes", "tokens", "--out", other)
    kvv("bundle", other)
    shutil.copy(other / "evidence.tar.gz", folder / "evidence.tar.gz")
    file = submission(folder, tmp_path / "board")
    assert check(file, "--evidence", folder / "evidence.tar.gz").status == 0


def test_a_redacted_bundle_says_so(folder: Path, tmp_path: Path) -> None:
    """Its counts agree; its scores cannot be computed again, and a maintainer sees that."""
    assert kvv("bundle", folder, "--redact").status == 0
    file = submission(folder, tmp_path / "board")
    ran = check(file, "--evidence", folder / "evidence-redacted.tar.gz")
    assert ran.status == 0, ran.out
    assert "redacted" in ran.out


def test_evidence_without_texts_must_be_declared(folder: Path, tmp_path: Path) -> None:
    """A folder that holds a redacted journal, and a record that says nothing of it."""
    file = submission(folder, tmp_path / "board")
    assert kvv("bundle", folder, "--redact").status == 0
    with tarfile.open(folder / "evidence-redacted.tar.gz") as archive:
        extract(archive, tmp_path / "texts-gone")
    shorn = submission(folder / "evidence-redacted.tar.gz", tmp_path / "other")
    value = json.loads(shorn.read_bytes())
    value["evidence"]["bundle"] = json.loads(file.read_bytes())["evidence"]["bundle"]
    data = canonical(value)
    forged = shorn.with_name(f"{shorn.name[:9]}{sha256(data)[:12]}.json")
    forged.write_bytes(data)
    shorn.unlink()
    ran = check(forged, "--evidence", tmp_path / "texts-gone")
    assert ran.status == 1, ran.out
    assert "taken out, which the record does not say" in ran.out


def test_another_archive_of_the_same_run_is_told(folder: Path, tmp_path: Path) -> None:
    """The digest that the record names must be that of the bundle at hand."""
    file = submission(folder, tmp_path / "board")
    value = json.loads(file.read_bytes())
    value["evidence"]["bundle"]["sha256"] = "0" * 64
    data = canonical(value)
    forged = file.with_name(f"{file.name[:9]}{sha256(data)[:12]}.json")
    forged.write_bytes(data)
    file.unlink()
    ran = check(forged, "--evidence", folder / "evidence.tar.gz")
    assert ran.status == 1
    assert "names the bundle 0000" in ran.out


def test_a_scored_run_with_varied_items_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real one, judged by a reference, with its varied twin: no rule of the check speaks against it."""
    data, out = problems(tmp_path / "sums.jsonl", 30), tmp_path / "run"
    model = ("--profile", "kimi-k2-0905", "--dataset", f"aime2025={data}", "--allow-dataset-drift", "--holdout", "both")
    monkeypatch.setenv("KVV_API_KEY", "sk-canary-leaderboard-0001")
    with vendor("--model", "kimi-k2-0905-preview", *model) as url:
        ran = kvv("run", "--base-url", url, "--model", "kimi-k2-0905-preview", *model, "--vendor", "Acme AI",
                  "--benchmarks", "aime2025", "--tier", "full", "--epochs", 2, "--out", out)  # fmt: skip
    assert ran.status == 0, ran.out + ran.err
    file = submission(out, tmp_path / "board")
    record = load(file.read_bytes())
    assert [one.id for one in record.benchmarks] == ["precheck", "aime2025", "aime2025-varied"]
    assert record.benchmarks[1].comparison is not None
    assert record.marks == (Mark.SUBSET, Mark.DRIFT, Mark.LEFT_OUT)
    checked = check(file, "--evidence", out, "--dataset", f"aime2025={data}")
    assert checked.status == 0, checked.out
    assert "every score and every number" in checked.out


@pytest.mark.parametrize("damage", ["cut", "flipped", "no archive", "no bundle"])
def test_a_damaged_bundle_refuses(folder: Path, tmp_path: Path, damage: str) -> None:
    """With its reason."""
    file = submission(folder, tmp_path / "board")
    archive = folder / "evidence.tar.gz"
    data = bytearray(archive.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flipped":
        data[len(data) // 2] ^= 255
    elif damage == "no archive":
        data = bytearray(b"hello")
    else:
        import gzip

        data = bytearray(gzip.compress(bytes(50_000_000)))
    archive.write_bytes(data)
    ran = check(file, "--evidence", archive)
    assert ran.status == 1, ran.out
    assert "cannot be used" in ran.out


def test_an_attested_submission_is_verified(
    in_workflow: Path, tmp_path: Path, gh: Gh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub's signature on this bundle, by the signer, for this vendor's repository and run; it is unpacked once."""
    unpacked, unpack = list[Path](), bundling.unpack
    monkeypatch.setattr(bundling, "unpack", lambda archive, folder: unpacked.append(folder) or unpack(archive, folder))
    file = submission(in_workflow, tmp_path / "board", "--leaderboard-attested")
    record = load(file.read_bytes())
    assert record.evidence is not None
    assert record.evidence.bundle is not None
    subject = [{"name": "evidence.tar.gz", "digest": {"sha256": record.evidence.bundle.sha256}}]
    gh(answer(subject=subject))
    (in_workflow / "report.json").unlink(missing_ok=True)
    ran = check(file, "--evidence", in_workflow / "evidence.tar.gz")
    assert ran.status == 0, ran.out
    assert f"signed by https://github.com/{SIGNER}" in ran.out
    assert "verified: attested" in ran.out
    (folder,) = unpacked
    assert not folder.exists()


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ({"repository": "acme/evals", "run_id": "76"}, "ran in run 76 of acme/evals"),
        ({}, "ran outside"),
        ({"repository": "acme/evals", "run_id": "77", "runner_environment": "self-hosted"}, "not GitHub's"),
    ],
)
def test_a_run_that_was_only_ended_by_the_workflow(
    in_workflow: Path, tmp_path: Path, gh: Gh, first: dict[str, str], words: str
) -> None:
    """Its bundle is signed whole, but what an earlier session asked was asked elsewhere."""
    records = list(Reader(in_workflow / "journal.jsonl"))
    later = copy.deepcopy(records[0]) | {"session": 2}
    records[0]["provenance"]["github"] = first
    write(in_workflow / "journal.jsonl", [records[0], later, *records[1:]])
    file = submission(in_workflow, tmp_path / "board", "--leaderboard-attested")
    bundle = load(file.read_bytes()).evidence.bundle  # type: ignore[union-attr]
    assert bundle is not None
    gh(answer(subject=[{"name": "evidence.tar.gz", "digest": {"sha256": bundle.sha256}}]))
    ran = check(file, "--evidence", in_workflow / "evidence.tar.gz")
    assert ran.status == 1, ran.out
    assert words in ran.out


@pytest.mark.parametrize(
    ("out", "err", "status", "expected", "words"),
    [
        ("", "Error: no attestations found for subject", 1, 1, "is not attested as it claims"),
        ("", "dial tcp: no such host", 1, 0, "as far as could be verified it is self-reported"),
        ("", "Error: HTTP 404: Not Found", 1, 0, "was not verified: gh says: Error: HTTP 404"),
    ],
)
def test_a_claim_that_is_not_verified(
    in_workflow: Path,
    tmp_path: Path,
    gh: Gh,
    out: str,
    err: str,
    status: int,
    expected: int,
    words: str,
) -> None:
    """Refused when it is untrue; another tier when nobody could look."""
    file = submission(in_workflow, tmp_path / "board", "--leaderboard-attested")
    gh(out, err=err, status=status)
    ran = check(file, "--evidence", in_workflow / "evidence.tar.gz")
    assert ran.status == expected, ran.out
    assert words in ran.out


def test_a_claim_without_the_bundle_at_hand(in_workflow: Path, tmp_path: Path) -> None:
    """It is taken for self-reported."""
    file = submission(in_workflow, tmp_path / "board", "--leaderboard-attested")
    ran = check(file)
    assert ran.status == 0
    assert "the bundle is not at hand" in ran.out
    assert "verified: self-reported" in ran.out


def test_another_repository_cannot_attest_for_a_vendor(in_workflow: Path, tmp_path: Path) -> None:
    """leaderboard.toml lists whose workflows may."""
    file = submission(in_workflow, tmp_path / "board", "--leaderboard-attested")
    (tmp_path / "board/leaderboard.toml").write_bytes(RULES.replace(b"acme/evals", b"acme/other"))
    ran = check(file, "--evidence", in_workflow / "evidence.tar.gz")
    assert ran.status == 1
    assert "not among the repositories" in ran.out


def test_a_bundle_belongs_to_its_record_by_its_digest(folder: Path, tmp_path: Path) -> None:
    """Only the very bundle behind the address will do: not another run's, not another archive of it, and not none."""
    file = submission(folder, tmp_path / "board", "--leaderboard-evidence-url", "https://e.example/run.tar.gz")
    other, again, fetched = tmp_path / "demo", tmp_path / "again.tar.gz", tmp_path / "fetched"
    kvv("demo", "--benchmarks", "precheck", "--probes", "tokens", "--out", other)
    kvv("bundle", other)
    again.write_bytes(gzip.compress(gzip.decompress((folder / "evidence.tar.gz").read_bytes()), 1))
    for name, there, words in (
        ("none", None, "does not lie at https://e.example/run.tar.gz"),
        ("another run's", other / "evidence.tar.gz", "does not lie at https://e.example/run.tar.gz"),
        ("another run's, unclaimed", other / "evidence.tar.gz", "belongs to no record that is submitted here"),
        ("another archive of the run", again, "the one at hand is"),
    ):
        shutil.rmtree(fetched, ignore_errors=True)
        fetched.mkdir()
        if there is not None:
            shutil.copy(there, fetched / "0123.tar.gz")
        ran = check(file, "--fetched", fetched)
        assert (ran.status, words in ran.out) == (1, True), (name, ran.out)
    (tmp_path / "board/leaderboard.toml").write_bytes(b"evidence = 'required'\n" + RULES)
    assert "this leaderboard requires evidence" in check(file).out
    shutil.copy(folder / "evidence.tar.gz", fetched / "0123.tar.gz")
    ran = check(file, "--fetched", fetched)
    assert (ran.status, "every score and every number" in ran.out) == (0, True), ran.out


def test_a_journal_that_was_dated_anew_says_so(folder: Path, tmp_path: Path) -> None:
    """Its lines know when each request was sent."""
    records = list(Reader(folder / "journal.jsonl"))
    for record in records:
        for name in ("started", "at"):
            if isinstance(record.get(name), float):
                record[name] -= 86_400 * 3
    write(folder / "journal.jsonl", records)
    (folder / "report.json").unlink()
    file = submission(folder, tmp_path / "board")
    ran = check(file, "--evidence", folder)
    assert ran.status == 1
    assert "but the run went from" in ran.out
