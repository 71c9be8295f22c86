"""`kvv plan` says what `kvv run` then does."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks import registry
from entrypoint.plan_estimate import _design
from kvv_action.benchmark import Options
from kvv_action.profiles import loader
from kvv_action.verdict.rules import FIRST
from tests.ask.vendors import planned_of
from tests.pipeline.command import demo, kvv, vendor

MADE = {name: registry.create(name, Options()) for name in registry.ids() if registry.listed(name).rules is None}
USUAL = [name for name in MADE if name in loader.load("kimi-k2.6").benchmarks]
BUNDLED = tuple(f"--dataset={name}=bundled" for name in USUAL if MADE[name].pin is not None)
ANYWHERE = [name for name, made in MADE.items() if not getattr(made, "sandboxed", False)]
"""What runs on any machine; what works in containers is compared where there is an engine."""
WITHOUT_ENGINE = ",".join(name for name in ANYWHERE if name in USUAL)


def plan(*arguments: object) -> dict[str, Any]:
    """What the command says, as JSON."""
    ran = kvv("plan", "--json", *arguments)
    assert ran.status == 0, ran.err
    found: dict[str, Any] = orjson.loads(ran.out)
    return found


def usage(out: Path) -> dict[str, dict[str, int]]:
    """Requests and tokens of each benchmark, from a run's journal; to the endpoint under test alone."""
    found: dict[str, dict[str, int]] = {}
    for line in (out / "journal.jsonl").read_bytes().splitlines():
        record = orjson.loads(line)
        if record["kind"] not in ("answer", "error") or record.get("endpoint"):
            continue
        sums = found.setdefault(record["benchmark"], {"requests": 0, "in": 0, "out": 0})
        sums["requests"] += 1
        counted = (record.get("completion") or {}).get("usage") or {}
        sums["in"] += counted.get("prompt_tokens", 0)
        sums["out"] += counted.get("completion_tokens", 0)
    return found


def chosen(names: str) -> list[str]:
    """The bundled samples of these benchmarks."""
    return [f"--dataset={name}=bundled" for name in names.split(",") if MADE[name].pin is not None]


@pytest.mark.parametrize("tier", ["smoke", "standard", "full"])
@pytest.mark.parametrize("profile", ["kimi-k2.6", "kimi-k3"])
def test_a_run_of_right_answers_sends_what_was_expected(tmp_path: Path, profile: str, tier: str) -> None:
    """Every benchmark sends exactly the expected requests, and stays below the ceilings of tokens."""
    known = ",".join(name for name in ANYWHERE if name in loader.load(profile).benchmarks)
    said = plan("--profile", profile, "--tier", tier, "--benchmarks", known, *chosen(known))
    demo(tmp_path, "--profile", profile, "--tier", tier, "--benchmarks", known)
    did = usage(tmp_path)
    for row in said["benchmarks"]:
        assert did[row["id"]]["requests"] == row["requests"]["expected"], row["id"]
        assert did[row["id"]]["in"] <= row["tokens_in"]["ceiling"], row["id"]
        assert did[row["id"]]["out"] <= row["tokens_out"]["ceiling"], row["id"]
    assert sum(sums["requests"] for sums in did.values()) == said["requests"]["expected"]


@pytest.mark.parametrize(
    "fault", ["wrong-answers", "caps-output", "never-calls", "control-characters", "ignores-images"]
)
def test_a_run_of_wrong_answers_stays_below_the_ceiling(tmp_path: Path, fault: str) -> None:
    """Probes that ask again because of what came send more, but never more than the ceiling."""
    said = plan("--profile", "kimi-k2.6", "--benchmarks", WITHOUT_ENGINE, *BUNDLED)
    demo(tmp_path, "--fault", fault, "--precheck", "warn", "--benchmarks", WITHOUT_ENGINE)
    did = usage(tmp_path)
    assert did["precheck"]["requests"] > said["benchmarks"][0]["requests"]["expected"]
    for row in said["benchmarks"]:
        assert did[row["id"]]["requests"] <= row["requests"]["ceiling"], row["id"]
        assert did[row["id"]]["in"] <= row["tokens_in"]["ceiling"], row["id"]
        assert did[row["id"]]["out"] <= row["tokens_out"]["ceiling"], row["id"]


@pytest.mark.parametrize("mode", ["both", "vary"])
@pytest.mark.parametrize("fault", ["", "wrong-answers"])
def test_varied_items_are_planned_as_they_are_asked(tmp_path: Path, mode: str, fault: str) -> None:
    """Every benchmark, published and put another way: the requests exactly where answers are right, tokens below."""
    asked = ("--holdout", mode, "--seed", "5", "--benchmarks", WITHOUT_ENGINE)
    said = plan("--profile", "kimi-k2.6", *asked, *BUNDLED)
    demo(tmp_path, *asked, *(("--fault", fault, "--precheck", "warn") if fault else ()))
    did = usage(tmp_path)
    assert set(did) == {row["id"] for row in said["benchmarks"]}
    varied = {name for name in did if name.endswith("-varied")}
    assert len(varied) == (4 if mode == "both" else 0)
    for row in said["benchmarks"]:
        most = row["requests"]["ceiling" if fault else "expected"]
        assert did[row["id"]]["requests"] <= most, row["id"]
        assert fault or did[row["id"]]["requests"] == most, row["id"]
        assert did[row["id"]]["in"] <= row["tokens_in"]["ceiling"], row["id"]
        assert did[row["id"]]["out"] <= row["tokens_out"]["ceiling"], row["id"]


def test_what_is_not_bundled_is_planned_and_run_alike(tmp_path: Path) -> None:
    """Epochs, limit and a dataset of the user count as the run counts them, also at a real socket."""
    rows = [{"id": f"sum-{n}", "problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(20)]
    data = tmp_path / "sums.jsonl"
    data.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    options = ("--benchmarks", "aime2025", "--dataset", f"aime2025={data}", "--limit", "7", "--epochs", "3")
    said = plan("--model", "kimi-k2.6", *options)
    with vendor("--dataset", f"aime2025={data}") as url:
        kvv("run", "--base-url", url, "--model", "kimi-k2.6", "--out", tmp_path / "out", *options)
    assert said["benchmarks"][1]["requests"] == {"expected": 21.0, "ceiling": 21.0}
    assert usage(tmp_path / "out")["aime2025"]["requests"] == 21


def test_a_live_reference_is_told_apart() -> None:
    """Requests to it are counted, but are none of the endpoint under test."""
    said = plan("--model", "kimi-k2.6", "--benchmarks", "toolcall", *BUNDLED, "--reference-base-url", "http://a/v1")
    (row,) = [row for row in said["benchmarks"] if row["id"] == "toolcall"]
    assert row["reference_requests"] == row["requests"]


def test_prices_make_a_cost() -> None:
    """Prompt and answer tokens at their prices, per million; without both prices there is none, rather than a part."""
    options = ("--model", "kimi-k2.6", "--benchmarks", "aime2025", *BUNDLED)
    assert plan(*options)["cost"] is None
    assert plan(*options, "--price-input", "2")["cost"] is None
    assert plan(*options, "--price-output", "10")["cost"] is None
    said = plan(*options, "--price-input", "2", "--price-output", "10")
    expected = 2e-6 * said["tokens_in"]["expected"] + 1e-5 * said["tokens_out"]["expected"]
    assert said["cost"]["expected"] == pytest.approx(expected)


def test_each_tier_says_what_it_can_decide(tmp_path: Path) -> None:
    """A larger tier sees a smaller difference; bundled samples and probes have none."""
    profile = tmp_path / "ours.toml"
    profile.write_text(
        'schema = 1\nextends = "kimi-k2.6"\n[benchmarks.aime2025]\nmargin = 0.1\n'
        "tiers = { smoke = { limit = 10, epochs = 1 }, standard = { limit = 20, epochs = 1 } }\nepochs = 1\n"
        '[benchmarks.aime2025.reference]\nvalue = 0.9\nsource = "a paper"\ndate = 2026-01-01\n'
    )
    rows = [{"id": f"sum-{n}", "problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(30)]
    data = tmp_path / "sums.jsonl"
    data.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    said = plan("--profile", profile, "--benchmarks", "aime2025", "--dataset", f"aime2025={data}")
    assert [(one["tier"], one["samples"], one["epochs"]) for one in said["tiers"]] == [
        ("smoke", 10, 1), ("standard", 20, 1), ("full", 30, 1),
    ]  # fmt: skip
    smoke, standard, full = (one["smallest_difference"] for one in said["tiers"])
    assert smoke > standard > full
    assert said["benchmarks"][1]["smallest_difference"] == smoke
    assert all(0 < one["equal_passes"] < 1 and 0 < one["worse_fails"] < 1 for one in said["tiers"])
    assert said["benchmarks"][0]["smallest_difference"] is None


@pytest.mark.parametrize("option", [(), ("--holdout", "both"), ("--shard", "2/2"), ("--sequential", "false")])
def test_what_a_tier_can_decide_does_not_depend_on_the_tier_that_was_chosen(
    tmp_path: Path, option: tuple[str, ...]
) -> None:
    """Standard may end early unless something forbids it, the other tiers do not; a row is one tier's own."""
    data = tmp_path / "sums.jsonl"
    rows = [{"id": f"sum-{n}", "problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(30)]
    data.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    asked = ("--profile", "kimi-k2.5", "--benchmarks", "aime2025", "--dataset", f"aime2025={data}", *option)
    found = {tier: plan(*asked, "--tier", tier) for tier in ("smoke", "standard", "full")}
    assert found["smoke"]["tiers"] == found["standard"]["tiers"] == found["full"]["tiers"]
    early = {one["tier"]: one["looks"] > 1 for one in found["full"]["tiers"]}
    assert early == {"smoke": False, "standard": not option, "full": False}
    for one in found["full"]["tiers"]:
        (row,) = [row for row in found[one["tier"]]["benchmarks"] if row["id"] == "aime2025"]
        assert (row["looks"], row["smallest_difference"]) == (one["looks"], one["smallest_difference"])


def test_a_tier_that_leaves_a_benchmark_out_decides_nothing_about_it() -> None:
    """And its family is that of what it asks; the others are told as for the published dataset, which is not read."""
    short = [option for option in BUNDLED if option.split("=")[1] not in ("aime2025", "swebench")]
    said = plan("--profile", "kimi-k2.5", *short)
    (smoke, standard, full) = said["tiers"]
    assert {one["benchmark"] for one in said["tiers"]} == {"aime2025"}
    assert "left out of the tier smoke" in smoke["left_out"]
    assert smoke["smallest_difference"] is None
    assert (standard["samples"], standard["epochs"], full["epochs"]) == (30, 8, 32)
    assert standard["smallest_difference"] > full["smallest_difference"] > 0
    assert "left out" in kvv("plan", "--profile", "kimi-k2.5", *short).out


def test_alike_samples_count_once_where_not_all_are_asked() -> None:
    """A question that is shown in two ways is worth no more than one; asked whole, the dataset is what it is about."""
    apart = planned_of(reference=0.8, margin=0.05, samples=400, size=None, rows=3460)
    pairs = replace(apart, clusters=tuple(number // 2 for number in range(400)))
    half = replace(apart, samples=200)
    found = [design.detectable() for one in (apart, pairs, half) if (design := _design(one, 1, FIRST)) is not None]
    assert found[0] is not None
    assert found[1] is not None
    assert found[1] == found[2] > found[0]
    whole = replace(apart, dataset=replace(apart.dataset, count=400))
    same = [_design(one, 1, FIRST) for one in (whole, replace(whole, clusters=pairs.clusters))]
    assert same[0] == same[1]


def test_the_table_is_readable() -> None:
    """A row per benchmark with both figures, then what they rest on."""
    ran = kvv("plan", "--model", "kimi-k2.6", "--benchmarks", "aime2025", *BUNDLED, "--price-output", "2")
    assert ran.status == 0
    assert "AIME 2025" in ran.out
    assert "59 – 128" in ran.out
    assert "23 000 tokens a question" in ran.out
    assert "Nothing was sent." in ran.out


@pytest.mark.parametrize(("options", "titles", "command"), [
    (("--model", "kimi-k2.7"), "OCRBench, MMMU Pro, K2VV ToolCall", "--model kimi-k2.7 --tier smoke --out official`"),
    (("--model", "mine", "--profile", "kimi-k3.1-pro", "--benchmarks", "ocrbench", "--tier", "full"), "OCRBench",
     "--model mine --profile kimi-k3.1-pro --tier full --out official`"),
    (("--model", "kimi-k3"), "K2VV ToolCall", "--model kimi-k3 --tier smoke --out official`"),
])  # fmt: skip
def test_what_nothing_judges_says_what_would_be_needed(options: tuple[str, ...], titles: str, command: str) -> None:
    """One command makes the reference; what is judged is not named."""
    told = kvv("plan", *options).out
    (line,) = [one for one in told.splitlines() if one.startswith("Nothing judges the score of ")]
    assert line.startswith(f"Nothing judges the score of {titles}. ")
    assert command in line
    assert line.endswith("then give each run `--reference official`.")
    judged = kvv("plan", "--model", "kimi-k3", "--benchmarks", "ocrbench").out
    assert "Nothing judges" not in judged


def test_neither_endpoint_nor_key_is_needed_but_a_profile_is() -> None:
    """Without model and profile nothing can be planned, and the message says what to give."""
    ran = kvv("plan", *BUNDLED)
    assert ran.status == 2
    assert "profile" in ran.err


def test_the_time_of_each_benchmark_is_told() -> None:
    """By itself, and that of all together is never less; containers are places, not connections."""
    options = ("--model", "kimi-k2.6", "--benchmarks", "aime2025,swebench", *BUNDLED)
    one, four = (plan(*options, "--containers", places) for places in (1, 4))
    rows = {row["id"]: row["wall"]["expected"] for row in one["benchmarks"]}
    assert rows["swebench"] > 2 * four["benchmarks"][-1]["wall"]["expected"]
    assert (one["containers"], four["containers"]) == (1, 4)
    assert one["wall"]["expected"] >= rows["precheck"] + max(rows["aime2025"], rows["swebench"])
    told = kvv("plan", *options, "--containers", "1").out
    assert "Time" in told
    assert "Containers: 1 at a time" in told
