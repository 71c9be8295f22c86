"""A run against the reference, to compare with sample by sample, on real runs against the embedded vendor."""

import hashlib
import http.server
import re
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import orjson
import pytest

from kvv_action.plan.reference_pack import as_bytes, parse
from tests.pipeline.command import Ran, benchmark, demo, kvv
from tests.sharing import made_once

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [{"id": f"sum-{n}", "problem": f"What is {n} + 0?", "answer": str(n)} for n in range(600)]
    data = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    return made_once(tmp_path_factory, "sums", lambda folder: (folder / "sums.jsonl").write_bytes(data)) / "sums.jsonl"


def run(out: Path, sums: Path, wrong: float, *options: object) -> tuple[Ran, dict[str, object]]:
    ran, report = demo(
        out, "--benchmarks", "aime2025", "--probes", "endpoint.models", "--dataset", f"aime2025={sums}", "--epochs", 1,
        "--fault", f"wrong-answers={wrong}", *options,
    )  # fmt: skip
    return ran, benchmark(report, "aime2025")


@pytest.fixture(scope="module")
def official(sums: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(out: Path) -> None:
        ran, result = run(out, sums, 0.1)
        assert (ran.status, result["orientation"]) == (3, True), "without anything to compare with there is no verdict"

    return made_once(tmp_path_factory, "official-run", make)


@pytest.mark.parametrize(("wrong", "verdict", "status"), [(0.1, "pass", 0), (0.4, "fail", 1)])
def test_scores_without_a_published_reference_get_a_verdict(
    wrong: float, verdict: str, status: int, sums: Path, official: Path, tmp_path: Path
) -> None:
    """As good as the reference is a pass, clearly worse a fail; the report says what it was compared with."""
    ran, result = run(tmp_path, sums, wrong, "--reference", official)
    assert (ran.status, result["verdict"]) == (status, verdict)
    assert "against the reference on the same samples" in str(result["reason"])
    assert "run of kimi-k2.6 at embedded vendor, journal " in str(result["reference_source"])
    assert result["margin"] == 0.05
    verdicts = orjson.loads((tmp_path / "report.json").read_bytes())["plan"]["choices"]["verdicts"]
    assert verdicts["drift"] == {"aime2025": 5e-05}, "an endpoint differs from day to day, also from a single run's"
    assert kvv("audit", tmp_path, "--dataset", f"aime2025={sums}").status == 0


def test_what_cannot_be_compared_with_is_refused(sums: Path, official: Path, tmp_path: Path) -> None:
    """Other samples, another profile, another way of asking: before anything is sent."""
    other = tmp_path / "other.jsonl"
    other.write_bytes(sums.read_bytes()[: len(sums.read_bytes()) // 2].rsplit(b"\n", 1)[0] + b"\n")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "report.json").write_bytes((official / "report.json").read_bytes())
    common = ("--benchmarks", "aime2025", "--out", tmp_path / "out")
    mine = ("--dataset", f"aime2025={sums}")
    for reference, options, words in (
        (official, ("--dataset", f"aime2025={other}"), "its samples "),
        (official, (*mine, "--profile", "kimi-k3"), "It is a run by profile kimi-k2.6"),
        (official, (*mine, "--holdout", "vary"), "The reference answered the published items"),
        (tmp_path / "mistyped", mine, "There is no report.json in it"),
        (bare, mine, "It has no journal beside its report"),
    ):
        ran = kvv("demo", *common, "--reference", reference, *options)
        assert (ran.status, words in ran.err) == (2, True), ran.err
        assert not (tmp_path / "out" / "journal.jsonl").exists()
    ran = kvv("plan", "--model", "kimi-k2.6", "--benchmarks", "aime2025", "--reference", official, *mine)
    assert (ran.status, "is a demonstration with the embedded vendor" in ran.err) == (2, True), ran.err


@pytest.fixture(scope="module")
def pack(sums: Path, official: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two runs against the same vendor."""

    def make(folder: Path) -> None:
        run(folder / "second", sums, 0.1, "--seed", 7)
        ran = kvv("reference", "pack", official, folder / "second", "--out", folder / "pack.json")
        assert (ran.status, "runs: 2" in ran.out) == (0, True), ran

    return made_once(tmp_path_factory, "reference-pack", make) / "pack.json"


@pytest.mark.parametrize(("wrong", "verdict", "status"), [(0.1, "pass", 0), (0.4, "fail", 1)])
def test_a_pack_of_two_runs_judges_a_third(
    wrong: float, verdict: str, status: int, sums: Path, pack: Path, tmp_path: Path
) -> None:
    """Without the runs; the report names it, and an audit needs it no more."""
    ran, result = run(tmp_path, sums, wrong, "--reference", pack)
    assert (ran.status, result["verdict"]) == (status, verdict)
    assert str(result["reference_source"]).startswith("pack of 2 runs of kimi-k2.6 at embedded vendor, sha256 ")
    assert kvv("audit", tmp_path, "--dataset", f"aime2025={sums}").status == 0


def test_packs_merge_and_say_what_they_decide(official: Path, pack: Path, tmp_path: Path) -> None:
    """In whatever steps a pack is made, its bytes are the same; no text of a question or answer is in it."""
    for inputs, out in (([official], "one.json"), (["one.json", pack.parent / "second"], "two.json")):
        named = [tmp_path / one if isinstance(one, str) else one for one in inputs]
        assert kvv("reference", "pack", *named, "-o", tmp_path / out).status == 0
    assert (tmp_path / "two.json").read_bytes() == pack.read_bytes()
    assert b"What is" not in pack.read_bytes()
    told = kvv("reference", "check", pack).out
    assert "over 600 items, answers to each: 2, days: 1" in told
    assert re.search(
        r"smoke: with \d+ answers, .* % of equal vendors pass, which rules out losses above 20.0 points", told
    )


def test_a_pack_that_cannot_judge_is_refused(sums: Path, pack: Path, tmp_path: Path) -> None:
    """Each with the reason, before anything is sent."""
    content = orjson.loads(pack.read_bytes())
    known = parse(pack.read_bytes(), "pack")
    (changed := tmp_path / "changed.json").write_bytes(pack.read_bytes().replace(b'"sum-1":[1', b'"sum-1":[0'))
    (newer := tmp_path / "newer.json").write_bytes(orjson.dumps({**content, "form": "kvv reference pack 9"}))
    (old := tmp_path / "old.json").write_bytes(as_bytes(replace(known, expires="2026-01-01")))
    aime = known.benchmarks["aime2025"]
    sampled = {"aime2025": replace(aime, sampling={**aime.sampling, "temperature": 0.2})}
    (cold := tmp_path / "cold.json").write_bytes(as_bytes(replace(known, benchmarks=sampled)))
    (real := tmp_path / "real.json").write_bytes(as_bytes(replace(known, demonstration=False)))
    other = tmp_path / "other.jsonl"
    other.write_bytes(sums.read_bytes().partition(b"\n")[2])
    mine = ("--dataset", f"aime2025={sums}")
    for reference, options, words in (
        (changed, mine, "was changed after it was made"),
        (newer, mine, "this version reads 'kvv reference pack 1'"),
        (old, mine, "It expired on 2026-01-01"),
        (cold, mine, "temperature 0.2"),
        (real, mine, "is of a demonstration"),
        (pack, (*mine, "--profile", "kimi-k3"), "It is of profile kimi-k2.6"),
        (pack, ("--dataset", f"aime2025={other}"), "its samples "),
        ("https://127.0.0.1:9/pack.json", mine, "URL@sha256:DIGEST"),
        (f"http://example.invalid/pack.json@{'0' * 64}", mine, "use https"),
    ):
        ran = kvv("demo", "--benchmarks", "aime2025", "--out", tmp_path / "out", "--reference", reference, *options)
        assert (ran.status, words in ran.err) == (2, True), (words, ran.err)
        assert not (tmp_path / "out" / "journal.jsonl").exists()


def told_digest(pack: Path) -> str:
    """The digest that `kvv reference check` tells, for an address."""
    digest = kvv("reference", "check", pack).out.splitlines()[0].rpartition("sha256:")[2]
    assert digest == hashlib.sha256(pack.read_bytes()).hexdigest()
    return digest


def test_a_pack_is_had_from_an_address(sums: Path, pack: Path, tmp_path: Path) -> None:
    """Pinned by the digest of its bytes; others are refused."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(pack.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url, digest = f"http://127.0.0.1:{server.server_port}/pack.json", told_digest(pack)
        ran, result = run(tmp_path / "out", sums, 0.1, "--reference", f"{url}@sha256:{digest}")
        refused = kvv("demo", "--out", tmp_path / "no", "--reference", f"{url}@{'0' * 64}")
        missing = kvv("demo", "--out", tmp_path / "no", "--reference", f"{url}x@{digest}")
        server.shutdown()
    assert (ran.status, result["verdict"]) == (0, "pass")
    assert (refused.status, "its SHA-256 is" in refused.err) == (2, True), refused.err
    assert (missing.status, "404" in missing.err) == (2, True), missing.err


@pytest.fixture(scope="module")
def packed_twice(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of four answers to each item: half of them right to every third item, all to the others."""
    known = parse(pack.read_bytes(), "pack")
    one = known.benchmarks["aime2025"]
    items = {name: [1.0, 1.0, *[float(place % 3 != 0)] * 2] for place, name in enumerate(one.items)}
    mixed = replace(known, benchmarks={"aime2025": replace(one, runs=((0, 2), (1, 2)), items=items)})
    (path := tmp_path_factory.mktemp("strata") / "pack.json").write_bytes(as_bytes(mixed))
    return path


@pytest.mark.parametrize(("wrong", "status", "words"), [
    (0.05, 0, "losses above 20.0 points are ruled out"),
    (0.5, 1, "worse than the pack on sure items (50 asked, 100.0 % expected, "),
])  # fmt: skip
def test_a_small_run_asks_border_items_and_sure_ones(
    wrong: float, status: int, words: str, sums: Path, packed_twice: Path, tmp_path: Path
) -> None:
    """Fifty of each; an audit draws them again, and sees when the plan holds others."""
    ran, result = run(tmp_path, sums, wrong, "--reference", packed_twice, "--tier", "smoke")
    assert (ran.status, result["samples"], words in str(result["reason"])) == (status, 100, True), result["reason"]
    plan = orjson.loads((tmp_path / "report.json").read_bytes())["plan"]
    strata = plan["choices"]["verdicts"]["strata"]["aime2025"]
    assert (strata["asked"].count("b"), strata["asked"].count("s")) == (50, 50)
    assert strata["expected"] == {"border": [0.5, 200], "sure": [1.0, 400]}
    assert strata["weights"] == {"border": 1.0, "sure": 1.5}
    if status:
        return
    audit = ("audit", tmp_path, "--dataset", f"aime2025={sums}")
    assert kvv(*audit).status == 0
    assert kvv(*audit, "--reference", packed_twice).status == 0, "the answers in the plan are those of the pack"
    assert plan["choices"]["reference-packs"] == {"aime2025": hashlib.sha256(packed_twice.read_bytes()).hexdigest()}
    again, _ = run(tmp_path, sums, wrong, "--reference", packed_twice, "--tier", "smoke")
    assert (again.status, "100/100" in again.out) == (status, True), again


def test_items_chosen_by_a_pack_are_drawn_again(sums: Path, packed_twice: Path, tmp_path: Path) -> None:
    """Shards ask them, the merge judges by them; a plan with other strata is told by the audit."""
    options = ("--reference", packed_twice, "--tier", "smoke", "--shard")
    parts = [tmp_path / f"part{number}" for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        run(part, sums, 0.5, *options, f"{number}/2")
    ran = kvv("merge", *parts, "--out", tmp_path / "whole")
    assert (ran.status, "worse than the pack" in ran.out) == (1, True), ran
    assert kvv("audit", tmp_path / "whole", "--dataset", f"aime2025={sums}").status == 0


def test_a_profile_names_its_pack(sums: Path, pack: Path, tmp_path: Path) -> None:
    """Runs by it are compared with the pack, unless they name another reference, or none; who extends it is not."""
    known = parse(pack.read_bytes(), "pack")
    (tmp_path / "pack.json").write_bytes(as_bytes(replace(known, profile="own", demonstration=False)))
    (tmp_path / "own.toml").write_text('schema = 1\nextends = "kimi-k2.6"\nreference_pack = "pack.json"\n')
    (tmp_path / "other.toml").write_text('schema = 1\nextends = "own.toml"\n')
    found = {}
    for name, options in (("own", ()), ("own", ("--reference", "none")), ("other", ())):
        ran = kvv(
            "plan", "--json", "--model", "kimi-k2.6", "--benchmarks", "aime2025", "--dataset", f"aime2025={sums}",
            "--profile", tmp_path / f"{name}.toml", *options,
        )  # fmt: skip
        assert ran.status == 0, ran
        found[name, bool(options)] = [one["benchmark"] for one in orjson.loads(ran.out)["tiers"]]
    assert found == {("own", False): ["aime2025"] * 3, ("own", True): [], ("other", False): []}
    (tmp_path / "pack.json").write_bytes(
        as_bytes(replace(known, profile="own", demonstration=False, expires="2026-01-01"))
    )
    ran = kvv("plan", "--model", "kimi-k2.6", "--profile", tmp_path / "own.toml", "--benchmarks", "aime2025")
    assert (ran.status, "It expired on 2026-01-01" in ran.err) == (2, True), ran.err
