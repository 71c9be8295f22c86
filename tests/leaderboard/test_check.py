"""`kvv leaderboard check` on a real git repository: the genuine submission passes, every other has its reason."""

import json
import os
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from kvv_action.leaderboard.findings import CheckFinding
from kvv_action.leaderboard.record import LARGEST, Record
from kvv_action.leaderboard.strict import refuse_ambiguous
from kvv_action.report.files import canonical, sha256
from tests.bundle.test_unpack import bomb
from tests.github.fake_github import BASE, LEADERBOARD, TOKEN, USER, running
from tests.leaderboard.board import RULES, Board, bytes_with, setting
from tests.pipeline.command import Ran, kvv

Forge = Callable[[Board], object]


@pytest.fixture(scope="module")
def submitted(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The fork in which a real submission's commit stands, and its branch."""
    with running(tmp_path_factory.mktemp("github")) as fake, pytest.MonkeyPatch.context() as patch:
        fake.board.commit({"leaderboard.toml": RULES})
        patch.setenv("KVV_LEADERBOARD_TOKEN", TOKEN)
        patch.setattr("kvv_action.github.api.BETWEEN_WRITES", 0)
        ran = kvv("leaderboard", "submit", run, "--leaderboard-repo", LEADERBOARD, "--leaderboard-api-url", fake.url,
                  "--leaderboard-allow-incomplete")  # fmt: skip
        assert ran.status == 0, ran.err
        yield fake.repos[f"{USER}/results"].git, fake.pulls[0]["head"]["ref"]


@pytest.fixture
def board(submitted: tuple[Path, str], tmp_path: Path) -> Board:
    git, branch = submitted
    found = Board(tmp_path / "board", git, branch)
    found.git("branch", BASE, "HEAD~1")
    return found


def check(board: Board, *options: object) -> Ran:
    return kvv("leaderboard", "check", "--root", board.root, "--base", BASE, *options)


def test_the_submission_that_was_made_passes(board: Board) -> None:
    """The very commit that git holds after `kvv leaderboard submit`."""
    ran = check(board)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.endswith("1 file, 0 refused; verified: self-reported\n")


def test_with_its_evidence_the_scores_are_computed_again(board: Board, run: Path) -> None:
    """And reached."""
    ran = check(board, "--evidence", run)
    assert ran.status == 0, ran.out
    assert "every score and every number of report.json was reached again" in ran.out


def test_nothing_of_it_needs_to_be_checked_out(board: Board) -> None:
    """A pull request that was only fetched is judged as a commit; the work tree has none of its files."""
    board.git("branch", "fetched")
    board.git("checkout", "-q", BASE)
    assert not board.file.exists()
    ran = check(board, "--head", "fetched")
    assert ran.status == 0, ran.out
    assert ran.out.endswith("1 file, 0 refused; verified: self-reported\n")


def test_a_forged_one_is_refused_without_its_files(board: Board) -> None:
    """The same judge, whatever is checked out."""
    setting("vendor", "id", to="unknown")(board)
    board.commit()
    board.git("branch", "fetched")
    board.git("checkout", "-q", BASE)
    ran = check(board, "--head", "fetched")
    assert ran.status == 1
    assert "the vendor unknown is not in leaderboard.toml" in ran.out
    assert check(board, "--head=--output=/tmp/x").status == 2


def test_the_file_alone_passes(board: Board) -> None:
    """Before one submits, say."""
    assert kvv("leaderboard", "check", board.file, "--root", board.root).status == 0


def later(board: Board) -> None:
    day = datetime.now(UTC) + timedelta(days=40)

    def change(value: dict) -> None:  # type: ignore[type-arg]
        value["date"] = day.date().isoformat()
        value["expires"] = (day + timedelta(days=180)).date().isoformat()
        value["timing"]["started"] = value["timing"]["finished"] = day.isoformat(timespec="seconds")
        value["timing"]["wall"] = 0.0
        for name in ("total", "first_token"):
            value["timing"][name] = dict.fromkeys(("p50", "p95", "max"), 0.0)

    board.edit(change)


def long_ago(board: Board) -> None:
    def change(value: dict) -> None:  # type: ignore[type-arg]
        value["date"], value["expires"] = "2025-11-01", "2026-04-30"
        value["timing"]["started"], value["timing"]["finished"] = (
            "2025-11-01T00:00:00+00:00",
            "2025-11-01T01:00:00+00:00",
        )

    board.edit(change)


def last_day(board: Board) -> None:
    def change(value: dict) -> None:  # type: ignore[type-arg]
        value["date"] = value["expires"] = "9999-12-31"
        value["timing"]["finished"] = "9999-12-31T00:00:00+00:00"

    board.edit(change)


def link(target: str) -> Forge:
    def forge(board: Board) -> None:
        data = board.file.read_bytes()
        board.file.unlink()
        (board.root / "elsewhere.json").write_bytes(data)
        board.git("rm", "-q", "--cached", "--ignore-unmatch", "elsewhere.json")
        board.file.symlink_to(target)
        (board.root / "elsewhere.json").unlink()

    return forge


def submodule(board: Board) -> None:
    board.file.unlink()
    commit = board.git("rev-parse", "HEAD")
    board.git("add", "-A")
    board.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{board.path}")
    board.git("commit", "-q", "--amend", "-m", "A submodule")


def duplicate(board: Board) -> None:
    data = board.file.read_bytes()
    board.git("checkout", "-q", BASE)
    board.file.parent.mkdir(parents=True, exist_ok=True)
    board.file.write_bytes(data)
    board.git("add", "-A")
    board.git("commit", "-q", "-m", "Merged before")
    board.git("checkout", "-q", "-b", "again")
    value = json.loads(data)
    value["reason"] = "The same run in other words"
    other = canonical(value)
    board.file.with_name(f"{board.file.name[:9]}{sha256(other)[:12]}.json").write_bytes(other)
    board.git("add", "-A")
    board.git("commit", "-q", "-m", "The same run again")


def on_top(change: Forge) -> Forge:
    """A change to what `main` has already."""

    def forge(board: Board) -> None:
        record = board.file.read_bytes()
        board.git("checkout", "-q", BASE)
        old = board.root / "results/acme-ai/kimi-k2.6/20260101-0123456789ab.json"
        old.parent.mkdir(parents=True, exist_ok=True)
        old.write_bytes(b"{}\n")
        board.git("add", "-A")
        board.git("commit", "-q", "-m", "An old result")
        board.git("checkout", "-q", "-b", "changing")
        board.file.parent.mkdir(parents=True, exist_ok=True)
        board.file.write_bytes(record)
        change(board)
        board.git("add", "-A")
        board.git("commit", "-q", "-m", "A change")

    return forge


OLD = "results/acme-ai/kimi-k2.6/20260101-0123456789ab.json"


def added(path: str, data: bytes = b"x\n") -> Forge:
    def forge(board: Board) -> None:
        target = board.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    return forge


def many(board: Board) -> None:
    for number in range(60):
        (board.file.parent / f"20260101-{number:012x}.json").write_bytes(b"{}\n")


def own_vendor(board: Board) -> None:
    (board.root / "leaderboard.toml").write_bytes(RULES + b'\n[vendors.mallory]\nname = "Mallory"\n')
    setting("vendor", "id", to="mallory")(board)


def unlisted(board: Board) -> None:
    """The board lists another model alone."""
    record = board.file.read_bytes()
    board.git("checkout", "-q", BASE)
    (board.root / "leaderboard.toml").write_bytes(RULES + b"\n[models.kimi-k3]\n")
    board.git("commit", "-qam", "A list of models")
    board.git("checkout", "-q", "-b", "changing")
    board.file.parent.mkdir(parents=True, exist_ok=True)
    board.file.write_bytes(record)
    board.git("add", "-A", "--force")
    board.git("commit", "-q", "-m", "A submission")


def complete(board: Board) -> None:
    def change(value: dict) -> None:  # type: ignore[type-arg]
        value["marks"], value["state"] = [], "complete"

    board.edit(change)


def advisory(board: Board) -> None:
    """Probes failed, and the run says that they do not count."""

    def change(value: dict) -> None:  # type: ignore[type-arg]
        value["setup"]["precheck"] = "warn"
        value["benchmarks"][0] |= {"verdict": "fail", "score": 0.5, "interval": None, "bounds": [0.5, 0.5]}
        value["benchmarks"][0]["metrics"][value["benchmarks"][0]["metric"]] = 0.5

    board.edit(change)


def scored(**changes: Any) -> Forge:
    """A scored benchmark beside the probes, with a verdict that is right but for these changes."""

    def change(value: dict) -> None:  # type: ignore[type-arg]
        n, asked = 3460, changes.get("counts", {})
        one = {
            **value["benchmarks"][0],
            "id": "mmmu_pro", "title": "MMMU Pro", "metric": "accuracy", "kind": "scored", "verdict": "pass",
            "score": 0.79, "interval": [0.77, 0.81], "bounds": [0.79, 0.79], "metrics": {"accuracy": 0.79},
            "reference": 0.794, "reference_source": "published", "margin": 0.04, "n": n, "samples": n, "epochs": 1,
            "counts": {"planned": n, "sent": n, "scored": n, "unparsed": 0, "failed": 0, "skipped": 0} | asked,
            "comparison": {"difference": -0.004, "low": -0.03, "high": 0.02, "paired": False, "early": False},
            "dataset": {"source": "hub", "location": "MMMU/MMMU_Pro", "count": n, "digest": "0" * 64, "pinned": True,
                        "pinned_by": "revision and count", "revision": "563f3e84bb3b90893083a1f039cfa13077f2302b"},
        } | {name: to for name, to in changes.items() if name != "counts"}  # fmt: skip
        if one["score"] is not None:
            one["metrics"] = {"accuracy": one["score"]}
        value["benchmarks"].append(one)
        value["verdict"] = one.pop("top", one["verdict"])
        value["setup"] |= one.pop("setup", {})
        value["marks"] += one.pop("marks", [])
        value["usage"]["requests"] += n
        value["usage"]["attempts"] += n

    return lambda board: board.edit(change)


def limits(low: float, high: float, difference: float = -0.004) -> dict[str, Any]:
    """A comparison."""
    return {"difference": difference, "low": low, "high": high, "paired": False, "early": False}


WORSE = {"score": 0.3, "interval": [0.28, 0.32], "bounds": [0.3, 0.3]}

BENCHMARK = ("benchmarks", 0)
FORGED: dict[str, tuple[Forge, str]] = {
    # bytes and JSON
    "a score edited by hand": (
        lambda b: b.put(b.file.read_bytes().replace(b'"score": 1.0', b'"score": 0.9', 1), b.path),
        "another day and digest",
    ),
    "the digest of another file": (
        lambda b: b.put(b.file.read_bytes(), b.path[:-17] + "0123456789ab.json"),
        "another day and digest",
    ),
    "NaN": (bytes_with(b'"score": 1.0', b'"score": NaN'), "holds NaN"),
    "Infinity": (bytes_with(b'"score": 1.0', b'"score": -Infinity'), "holds -Infinity"),
    "a number without end": (bytes_with(b'"seed": 0', b'"seed": ' + b"9" * 100_000), "a number of 100000 digits"),
    "a number beyond doubles": (bytes_with(b'"score": 1.0', b'"score": 1e400'), "too large for a number"),
    "a count beyond counting": (setting("usage", "requests", to=10**18), "usage.requests"),
    "a duplicate key": (bytes_with(b'"score": 1.0', b'"score": 0.1, "score": 1.0'), "twice in one object"),
    "a duplicate key in other spelling": (
        bytes_with(b'"score": 1.0', b'"\\u0073core": 0.1, "score": 1.0'),
        "twice in one object",
    ),
    "deep nesting": (lambda b: b.put(b'{"a":' * 5000 + b"1" + b"}" * 5000), "nested deeper"),
    "an unknown member": (setting("sponsored", to=True), "sponsored"),
    "a text for a number": (setting(*BENCHMARK, "score", to="1.0"), "score"),
    "another order of keys": (lambda b: b.put(orjson.dumps(b.value())), "canonical form"),
    "a byte order mark": (lambda b: b.put(b"\xef\xbb\xbf" + b.file.read_bytes()), "byte order mark"),
    "no JSON": (lambda b: b.put(b"PK\x03\x04 zip"), "is not"),
    "a file too large": (lambda b: b.put(b"{" + b" " * (LARGEST + 10) + b"}"), "at most"),
    "hidden text": (setting("vendor", "name", to="Ac\u202eme"), "invisible character"),
    "half a surrogate pair": (bytes_with(b'"Acme AI"', b'"\\ud800"'), "surrogate"),
    # places and kinds of files
    "another vendor's folder": (
        lambda b: b.put(b.file.read_bytes(), b.path.replace("acme-ai", "other")),
        "another vendor",
    ),
    "another model's folder": (
        lambda b: b.put(b.file.read_bytes(), b.path.replace("kimi-k2.6", "kimi-k3")),
        "another model",
    ),
    "another day in its name": (lambda b: b.put(b.file.read_bytes(), b.path.replace("/2026", "/2025")), "another day"),
    "a folder deeper": (
        lambda b: b.put(b.file.read_bytes(), b.path.replace("results/", "results/x/")),
        "not of the form",
    ),
    "a name in capitals": (
        lambda b: b.put(b.file.read_bytes(), b.path.replace("acme-ai", "ACME-AI")),
        "not of the form",
    ),
    "a way out of the folder": (
        lambda b: b.put(b.file.read_bytes(), "results/acme-ai/..json/20260101-0123456789ab.json"),
        "not of the form",
    ),
    "a symbolic link": (link("../../../elsewhere.json"), "a symbolic link"),
    "a symbolic link to /etc/passwd": (link("/etc/passwd"), "a symbolic link"),
    "an executable": (lambda b: b.file.chmod(0o755), "an executable file"),
    "a submodule": (submodule, "a submodule"),
    "a bomb for its evidence": (
        lambda b: b.evidence.write_bytes(bomb(160 * 2**20)),
        "unpacks to more than 300 times its size, like a decompression bomb",
    ),
    "an archive beside it": (
        added("results/acme-ai/kimi-k2.6/evidence.zip", b"PK" + bytes(4_000_000)),
        "not of the form",
    ),
    "a modified result": (on_top(added(OLD, b'{"a": 1}\n')), "is modified; records are only added"),
    "a deleted result": (on_top(lambda b: (b.root / OLD).unlink()), "is deleted; records are only added"),
    "a renamed result": (on_top(lambda b: (b.root / OLD).rename(b.root / (OLD[:-6] + "c.json"))), "is deleted"),
    "a workflow beside it": (added(".github/workflows/own.yml"), "changes nothing else"),
    "trust in itself": (added("trust/acme-ai/kimi-k2.6/20260101-0123456789ab.json"), "changes nothing else"),
    "rules of its own": (own_vendor, "is not in leaderboard.toml"),
    "a model that is not listed": (unlisted, "is not in the list of models of leaderboard.toml"),
    "too many files": (many, "at most 50"),
    # content that cannot be
    "an unknown vendor": (
        setting("vendor", "id", to="unknown"),
        "belongs to acme-ai: submit again with leaderboard-vendor)",
    ),
    "a vendor that is a path": (setting("vendor", "id", to="../../etc"), "vendor.id"),
    "another vendor's name": (setting("setup", "base_url", to="https://api.rival.example/v1"), "no host of acme-ai"),
    "a run of the future": (later, "in the future"),
    "an expired run": (long_ago, "expired on 2026-04-30"),
    "the last day of all": (last_day, "must be a day from 2020-01-01"),
    "a last day that cannot be reckoned with": (setting("expires", to="9999-12-31"), "must be a day from 2020-01-01"),
    "a run that ended on the last day of all": (
        setting("timing", "finished", to="9999-12-31T23:59:59+00:00"),
        "in the future",
    ),
    "a longer life": (setting("expires", to="2036-01-01"), "expires on"),
    "another date than its run": (setting("date", to="2026-11-01"), "its date is not"),
    "end before start": (setting("timing", "started", to="2027-01-01T00:00:00+00:00"), "before it started"),
    "more time than there was": (setting("timing", "wall", to=9e6), "do not fit"),
    "counts that do not add up": (setting(*BENCHMARK, "counts", "sent", to=7), "is not sent"),
    "more answers": (setting(*BENCHMARK, "n", to=4000), "answers were scored"),
    "a score above 1": (setting(*BENCHMARK, "score", to=1.2), "score"),
    "another score than its metric": (setting(*BENCHMARK, "score", to=0.99), "the metric"),
    "no tokens": (setting("usage", "completion_tokens", to=0), "no token was generated"),
    "more tokens than can be": (setting("usage", "completion_tokens", to=10**12), "too many for"),
    "fewer requests than answers": (setting("usage", "requests", to=3), "with 3 requests"),
    "a verdict of its own": (setting("verdict", to="fail"), "fails, although no benchmark does"),
    "a failed benchmark that passes": (setting(*BENCHMARK, "verdict", to="fail"), "although a benchmark fails"),
    "fewer samples unmarked": (setting("setup", "limit", to=5), "lacks the mark limited-samples"),
    "a smaller tier unmarked": (setting("setup", "tier", to="smoke"), "lacks the mark limited-samples"),
    "Pre-Verification alone called complete": (complete, "lacks the mark left-out-benchmarks"),
    "varied items unmarked": (setting("setup", "holdout", to="vary"), "lacks the mark varied-items"),
    "chosen items unmarked": (setting("setup", "choices", to={"mmmu-parts": "vision"}), "lacks the mark chosen-items"),
    "probes that do not count unmarked": (advisory, "lacks the mark advisory-precheck"),
    "a pass without a comparison": (scored(**WORSE, comparison=None), "passes without a comparison"),
    "a pass without a reference": (scored(reference=None), "is pass, but has no reference and margin"),
    "a pass without a margin": (scored(margin=None), "is pass, but has no reference and margin"),
    "a pass below the margin": (
        scored(**WORSE, comparison=limits(-0.52, -0.47, -0.494)),
        "passes, but the lower limit -0.520 is below the margin -0.040",
    ),
    "a pass by another difference": (scored(**WORSE), "is not score - reference = -0.494"),
    "limits without chance": (scored(comparison=limits(-0.004, -0.004)), "leave nothing to chance"),
    "limits with too little chance": (scored(comparison=limits(-0.005, -0.003)), "narrower than 3460 answers"),
    "a fail within the margin": (scored(verdict="fail"), "fails, but the upper limit +0.020 is not below"),
    "a fail by limits on both sides": (
        scored(
            verdict="fail",
            score=0.754,
            interval=[0.74, 0.77],
            bounds=[0.754, 0.754],
            comparison=limits(-0.06, -0.02, -0.04),
        ),
        "fails, but the upper limit -0.020 is not below",
    ),
    "a fail without a comparison": (scored(verdict="fail", comparison=None), "fails without a comparison"),
    "a benchmark that was asked called skipped": (scored(verdict="skipped"), "is called skipped"),
    "a lower reference": (scored(reference=0.7, comparison=limits(0.06, 0.12, 0.09)), "the profile's reference is"),
    "a wider margin": (scored(margin=0.5), "allows a margin of 0.5"),
    "a wider pass": (
        scored(comparison={**limits(-0.06, 0.02), "pass_margin": 0.5}),
        "passes with losses up to 0.5 not ruled out",
    ),
    "a pass of the small tier called a full one": (
        scored(comparison={**limits(-0.06, 0.02), "pass_margin": 0.2}, setup={"tier": "full"}),
        "passes with losses up to 0.2 not ruled out; the tier full allows 0.04",
    ),
    "scores called a contract": (scored(kind="contract", score=1.0, interval=None, bounds=[1.0, 1.0]), "are scored"),
    "fewer epochs unmarked": (
        scored(
            id="aime2025",
            margin=None,
            reference=None,
            comparison=None,
            verdict="inconclusive",
            n=30,
            samples=30,
            counts={"planned": 30, "sent": 30, "scored": 30},
        ),
        "lacks the mark limited-samples",
    ),
    "half of the rows unmarked": (
        scored(n=1000, samples=1000, counts={"planned": 1000, "sent": 1000, "scored": 1000}),
        "lacks the mark limited-samples",
    ),
    "the rows of another choice": (
        scored(
            dataset={
                "source": "hub",
                "location": "MMMU/MMMU_Pro",
                "count": 1730,
                "digest": "0" * 64,
                "pinned": True,
                "pinned_by": "revision and count",
                "revision": "",
            },
            n=1730,
            samples=1730,
            counts={"planned": 1730, "sent": 1730, "scored": 1730},
        ),
        "lacks the mark chosen-items",
    ),
    "a verdict that its benchmarks do not make": (
        scored(verdict="inconclusive", comparison=limits(-0.05, 0.02), top="pass"),
        "make it inconclusive",
    ),
    "a demonstration": (setting("marks", to=["demonstration"]), "is a demonstration"),
    "a claim to be re-run": (setting("trust", to="re-run"), "only maintainers can say"),
    "published scores": (setting("origin", to="published"), "only maintainers add those"),
    "an unknown profile": (setting("setup", "profile", to="my-own"), "no profile of kvv"),
    "a profile that is a path": (setting("setup", "profile", to="/etc/passwd.toml"), "no profile of kvv"),
    "another profile of that name": (setting("setup", "profile_digest", to="0" * 64), "another profile"),
    "the same run again": (duplicate, "the same run as results/acme-ai"),
    "attested without a bundle": (setting("trust", to="attested"), "claims to be attested without a bundle"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_and_damaged_submissions_are_refused(board: Board, name: str) -> None:
    """Each with its reason, by exit status 1, without a traceback and without a second look at the machine."""
    forge, reason = FORGED[name]
    before = board.git("rev-parse", "HEAD")
    forge(board)
    if board.git("rev-parse", "HEAD") == before:
        board.commit()
    ran = check(board, *(("--evidence", board.evidence) if board.evidence.exists() else ()))
    assert ran.status == 1, ran.out + ran.err
    refusals = [line for line in ran.out.splitlines() if line.startswith("error: ")]
    assert any(reason in line for line in refusals), ran.out
    assert ran.err == ""


LITE = {"source": "hub", "location": "SWE-bench/SWE-bench_Lite", "revision": "", "count": 300, "digest": "0" * 64,
        "pinned": True, "pinned_by": "count"}  # fmt: skip
VISION = {"source": "hub", "location": "MMMU/MMMU_Pro", "count": 1730,
          "revision": "563f3e84bb3b90893083a1f039cfa13077f2302b", "digest": "0" * 64,
          "pinned": True, "pinned_by": "revision and count"}  # fmt: skip
FEW = {"n": 300, "samples": 300, "interval": [0.74, 0.84], "counts": {"planned": 300, "sent": 300, "scored": 300}}
HALF = {"n": 1730, "samples": 1730, "counts": {"planned": 1730, "sent": 1730, "scored": 1730}}
NOTHING: dict[str, Any] = {"reference": None, "margin": None, "comparison": None}
HONEST: dict[str, Forge] = {
    "a pass": scored(),
    "a fail": scored(verdict="fail", **WORSE, comparison=limits(-0.52, -0.47, -0.494)),
    "a fail because a quarter never came": scored(
        verdict="fail", n=2595, counts={"scored": 2595, "failed": 865}, bounds=[0.5925, 0.8425],
        comparison=limits(-0.22, 0.08),
    ),
    "a fail because nothing came": scored(
        verdict="fail", n=0, counts={"scored": 0, "failed": 3460}, score=None, interval=None, bounds=None,
        metrics={}, comparison=None,
    ),
    "an end before everything was asked": scored(
        counts={"sent": 1000, "scored": 1000, "skipped": 2460}, n=1000, interval=[0.76, 0.82],
        comparison={**limits(-0.03, 0.07, 0.02), "early": True},
    ),
    "varied items beside the published ones": scored(id="mmmu_pro-varied", **NOTHING, setup={"holdout": "both"}),
    "varied items that were fewer": scored(
        id="mmmu_pro-varied", **FEW, **NOTHING, verdict="pass", setup={"holdout": "both"}
    ),
    "varied items instead": scored(setup={"holdout": "vary"}, marks=["varied-items"]),
    "SWE-bench Lite": scored(
        id="swebench", title="SWE-bench", **FEW, **NOTHING | {"reference": 0.802}, verdict="inconclusive", dataset=LITE,
        setup={"choices": {"swebench-dataset": "lite"}}, marks=["chosen-items", "inconclusive"],
    ),
    "MMMU Pro with pictures alone": scored(
        **HALF, dataset=VISION, setup={"choices": {"mmmu-parts": "vision"}}, marks=["chosen-items"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_honest_submissions_of_every_kind_pass(board: Board, name: str) -> None:
    """With their marks; a warning is no refusal."""
    HONEST[name](board)
    board.commit()
    ran = check(board)
    assert ran.status == 0, ran.out


def fewer(board: Board) -> None:
    """Half of the probes, and everything agrees with that."""

    def change(value: dict) -> None:  # type: ignore[type-arg]
        (one,) = value["benchmarks"]
        half = one["n"] // 2
        one["n"] = one["samples"] = half
        one["counts"] |= {"planned": half, "sent": half, "scored": half}

    board.edit(change)


EVIDENT: dict[str, tuple[Forge, str]] = {
    "fewer probes": (fewer, "the evidence says"),
    "a better time": (setting("timing", "total", "p50", to=0.0), "record.timing.total.p50"),
    "fewer tokens": (setting("usage", "completion_tokens", to=5), "record.usage.completion_tokens"),
    "another model's name": (setting("model", "served", to="kimi-k2.6-turbo"), "record.model.served"),
    "another workflow": (setting("provenance", to={"run_id": "7"}), "record.provenance"),
}  # fmt: skip


@pytest.mark.parametrize("name", EVIDENT)
def test_what_only_evidence_can_tell(board: Board, run: Path, name: str) -> None:
    """Careful forgeries differ from what their journal says."""
    forge, reason = EVIDENT[name]
    forge(board)
    board.commit()
    ran = check(board, "--evidence", run)
    assert ran.status == 1, ran.out
    assert reason in ran.out


def forged(board: Board, run: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A run whose journal is forged with its chain; the submission becomes the record that follows from it."""
    from kvv_action.journal.file import Reader, chained

    records = list(Reader(run / "journal.jsonl"))
    victim = next(record for record in records if record["kind"] == "score")
    victim["score"]["explanation"] = "forged"
    for record in records:
        change(record)
    folder.mkdir()
    bodies = (orjson.dumps({k: v for k, v in record.items() if k != "prev"})[1:] for record in records)
    (folder / "journal.jsonl").write_bytes(b"".join(chained(bodies)))
    for name in ("report.json",):
        (folder / name).write_bytes((run / name).read_bytes())
    dry = kvv("leaderboard", "submit", folder, "--leaderboard-repo", "a/b", "--leaderboard-dry-run",
              "--leaderboard-allow-incomplete")  # fmt: skip
    assert dry.status == 0, dry.err
    content = next(json.loads(line.partition(": ")[2]) for line in dry.out.splitlines() if '"content": ' in line)
    board.put(content.encode())
    board.commit()
    return folder


def test_evidence_whose_scores_do_not_follow(board: Board, run: Path, tmp_path: Path) -> None:
    """The record agrees with its journal, whose scores do not agree with its answers."""
    folder = forged(board, run, tmp_path / "forged", lambda _: None)
    ran = check(board, "--evidence", folder)
    assert ran.status == 1
    assert "scoring again gives" in ran.out


def test_evidence_that_cannot_be_scored_again_is_refused(board: Board, run: Path, tmp_path: Path) -> None:
    """A plan that names a tokenizer which nobody has is no way around the audit; with the file it goes on."""
    file = tmp_path / "tiktoken.model"
    file.write_bytes(b"".join(b64encode(bytes([byte])) + b" %d\n" % byte for byte in range(256)))

    def with_tokenizer(record: dict[str, Any]) -> None:
        if record["kind"] == "session":
            record["plan"]["tokenizer"] = sha256(file.read_bytes())

    folder = forged(board, run, tmp_path / "forged", with_tokenizer)
    ran = check(board, "--evidence", folder)
    assert ran.status == 1
    (line,) = [line for line in ran.out.splitlines() if line.startswith("error: ")]
    assert "cannot be computed again: " in line
    assert "--tokenizer FILE" in line
    with_it = check(board, "--evidence", folder, "--tokenizer", file)
    assert with_it.status == 1
    assert "--tokenizer FILE" not in with_it.out
    assert "scoring again gives" in with_it.out


def test_everything_that_an_audit_may_need_can_be_given() -> None:
    """The check passes on what `kvv audit` takes."""
    offered, passed = (
        set(re.findall(r"^ +(--[a-z-]+)", kvv(*command, "--help").out, re.MULTILINE))
        for command in (("audit",), ("leaderboard", "check"))
    )
    assert "--dataset" in offered
    assert offered <= passed


def test_evidence_of_another_run_is_refused(board: Board, tmp_path: Path) -> None:
    """It is not taken for this one's."""
    demo = tmp_path / "demo"
    kvv("demo", "--benchmarks", "precheck", "--probes", "tokens", "--out", demo)
    ran = check(board, "--evidence", demo)
    assert ran.status == 1
    assert "belongs to no record that is submitted here" in ran.out


def test_a_pull_request_without_results_is_not_judged(board: Board) -> None:
    """Maintainers change rules and documents in ones of their own."""
    board.git("checkout", "-q", BASE)
    board.git("checkout", "-q", "-b", "words")
    added("README.md")(board)
    board.git("add", "-A")
    board.git("commit", "-q", "-m", "Words")
    ran = check(board)
    assert (ran.status, ran.out.splitlines()[0]) == (0, "note: no result is submitted here")


def test_partial_results_are_the_leaderboards_choice(board: Board) -> None:
    """Marked ones are taken with a warning, unless its rules say otherwise."""

    def change(value: dict) -> None:  # type: ignore[type-arg]
        value["setup"]["limit"] = 5
        value["marks"] = ["limited-samples", "left-out-benchmarks"]

    board.edit(change)
    board.commit()
    ran = check(board)
    assert ran.status == 0
    assert "is partial: limited-samples" in ran.out
    strict = RULES + b"\n[submissions]\naccept_partial = false\n"
    (board.root / "leaderboard.toml").write_bytes(strict)
    assert kvv("leaderboard", "check", next(board.root.glob("results/*/*/*.json")), "--root", board.root).status == 1


def test_names_that_are_no_text(board: Board, tmp_path: Path) -> None:
    """Refused like any other, and the report is still JSON."""
    strange = os.fsdecode(b"results/acme-ai/kimi-k2.6/\xff\xfe.json")
    added(strange)(board)
    board.commit()
    ran = check(board, "--json", tmp_path / "check.json")
    assert ran.status == 1
    paths = [file["path"] for file in json.loads((tmp_path / "check.json").read_bytes())["files"]]
    assert any(path.endswith("\\xff\\xfe.json") for path in paths)
    assert kvv("leaderboard", "check", board.root, "--root", board.root).status == 1


def test_a_defect_on_one_file_hides_no_others(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused as what could not be judged; the others have their findings, and the report is written."""
    from kvv_action.leaderboard import check as judge

    whole = judge.implausible

    def broken(record: Record, now: datetime, choosing: frozenset[str]) -> Iterator[CheckFinding]:
        if record.reason == "breaks":
            raise OverflowError("date value out of range")
        return whole(record, now, choosing)

    monkeypatch.setattr(judge, "implausible", broken)
    other = json.loads(board.file.read_bytes())
    setting("reason", to="breaks")(board)
    other["vendor"]["id"] = "unknown"
    data = canonical(other)
    added(f"results/unknown/kimi-k2.6/{other['date'].replace('-', '')}-{sha256(data)[:12]}.json", data)(board)
    board.commit()
    ran = check(board, "--json", tmp_path / "check.json")
    assert (ran.status, ran.err) == (1, "")
    messages = [one["message"] for file in json.loads((tmp_path / "check.json").read_bytes())["files"]
                for one in file["findings"]]  # fmt: skip
    assert any("cannot be judged, a defect of kvv: OverflowError" in message for message in messages)
    assert any("the vendor unknown is not in leaderboard.toml" in message for message in messages)


def test_machine_readable(board: Board, tmp_path: Path) -> None:
    """JSON and a comment, beside what is printed."""
    setting("vendor", "id", to="unknown")(board)
    board.commit()
    check(board, "--json", tmp_path / "check.json", "--markdown", tmp_path / "check.md")
    found = json.loads((tmp_path / "check.json").read_bytes())
    (file,) = found["files"]
    assert (found["accepted"], file["claimed"], file["verified"]) == (False, "self-reported", "self-reported")
    assert [finding["rule"] for finding in file["findings"] if finding["level"] == "error"] == ["vendor"]
    assert "not accepted" in (tmp_path / "check.md").read_text()


@pytest.mark.parametrize("base", ["nothing", "--output=/tmp/x", "HEAD:leaderboard.toml", ""])
def test_a_base_that_is_none(board: Board, base: str) -> None:
    """It cannot be judged, and why."""
    ran = kvv("leaderboard", "check", "--root", board.root, f"--base={base}")
    assert ran.status == 2
    assert ran.err


def test_hooks_and_configuration_of_the_checkout_do_not_run(board: Board, tmp_path: Path) -> None:
    """A checkout that somebody prepared runs nothing."""
    trap = tmp_path / "trap"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {trap}\n")
    script.chmod(0o755)
    board.git("config", "core.fsmonitor", str(script))
    board.git("config", "diff.external", str(script))
    (board.root / ".gitattributes").write_text("*.json diff=own\n")
    board.git("config", "diff.own.textconv", str(script))
    board.git("config", "core.hooksPath", os.fspath(tmp_path))
    assert check(board).status == 0
    assert not trap.exists()


def test_a_file_too_large_is_told_without_git(board: Board) -> None:
    """Its size is known before its content."""
    board.file.write_bytes(b"{" + b" " * (LARGEST + 10) + b"}")
    ran = kvv("leaderboard", "check", board.file, "--root", board.root)
    assert ran.status == 1
    assert f"has {LARGEST + 12} bytes; a record has at most {LARGEST}" in ran.out


def test_a_text_without_an_end_takes_no_time() -> None:
    """Quotes outside of a text, each of which could begin one that goes to the end of the file."""
    began = time.process_time()
    assert "is not JSON" in refuse_ambiguous(b'\\"' * 200_000)
    assert time.process_time() - began < 5
