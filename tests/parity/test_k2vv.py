"""K2VV's own numbers from its own files (KVV_REFERENCE_DATA)."""

import json
import os
from pathlib import Path

import orjson
import pytest

from benchmarks.toolcall import k2vv
from benchmarks.toolcall.benchmark import ToolCallBenchmark
from entrypoint.cli import main
from kvv_action.benchmark import Options
from kvv_action.dataset.load import load as load_rows
from kvv_action.plan.plan import Amount, plan_benchmark
from kvv_action.plan.request import compose
from kvv_action.profiles import loader
from kvv_action.schema import EndpointInfo, ProfileInfo, RunPlan
from kvv_action.scoring.toolcalls import ToolCallChecker

DATA = os.environ.get("KVV_REFERENCE_DATA", "")
pytestmark = [pytest.mark.parity, pytest.mark.skipif(not DATA, reason="KVV_REFERENCE_DATA is not set")]
RUNS = Path(DATA) / "k2vv" / "vendor_runs"
OFFICIAL, NOVITA = (
    RUNS / f"results-{name}-deepseek-v3.2-exp.jsonl" for name in ("deepseek-official", "openrouter-novita")
)


@pytest.mark.parametrize("path", [OFFICIAL, NOVITA], ids=["official", "novita"])
async def test_every_tool_calls_valid_is_reproduced(path: Path) -> None:
    """All 512 lines of each vendor."""
    checker, seen = ToolCallChecker(), 0
    for row in k2vv.rows(path):
        completion = k2vv.completion_of(row)
        valid = None
        if completion is not None and completion.finish_reason == "tool_calls":
            valid = all(call.valid for call in await checker.check(completion.tool_calls, row["request"]["tools"]))
        assert valid is row["tool_calls_valid"], row["data_index"]
        seen += 1
    await checker.aclose()
    assert seen == 512


@pytest.mark.parametrize("path", [OFFICIAL, NOVITA], ids=["official", "novita"])
def test_every_hash_is_reproduced(path: Path) -> None:
    """md5 of the prepared request."""
    assert all(k2vv.request_hash(row["request"]) == row["hash"] for row in k2vv.rows(path))


def test_f1_of_novita_against_official(tmp_path: Path) -> None:
    """0.930023, with its interval around it; the reference's one failure is told the other way, too; audit agrees."""
    out = tmp_path / "run"
    assert main(["import-k2vv", str(NOVITA), "--reference", str(OFFICIAL), "--out", str(out)]) == 3
    (result,) = json.loads((out / "report.json").read_text())["benchmarks"]
    assert result["score"] == pytest.approx(0.930023, abs=5e-7)
    assert [result["metrics"][name] for name in ("tp", "fp", "fn", "tn")] == [412, 23, 39, 38]
    assert result["metrics"]["tool_call_f1_reference_called"] == pytest.approx(2 * 413 / (2 * 413 + 22 + 39))
    assert result["interval"][0] < 0.930023 < result["interval"][1]
    assert main(["audit", str(out)]) == 0
    assert main(["render", str(out)]) == 0


def test_the_order_of_the_reference_does_not_matter(tmp_path: Path) -> None:
    """Aligned by content: the reference backwards, with other numbers, gives the same F1."""
    rows = [orjson.loads(line) for line in OFFICIAL.read_bytes().splitlines()]
    keys = {k2vv.content_key(row["request"]): row for row in rows}
    unique = [row for row in rows if keys[k2vv.content_key(row["request"])] is row]
    renumbered = [{**row, "data_index": number} for number, row in enumerate(reversed(unique), 1)]
    path = tmp_path / "reversed.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in renumbered))
    main(["import-k2vv", str(NOVITA), "--reference", str(path), "--out", str(tmp_path / "run")])
    (result,) = json.loads((tmp_path / "run" / "report.json").read_text())["benchmarks"]
    assert result["counts"]["scored"] == 512
    assert result["metrics"]["count_without_reference"] == 512 - len(unique)
    assert result["score"] == pytest.approx(0.93, abs=0.002)


@pytest.mark.parametrize("path", [OFFICIAL, NOVITA], ids=["official", "novita"])
def test_summaries_are_equal(path: Path, tmp_path: Path) -> None:
    """Every count of the published summary, from our copy of K2VV's files."""
    main(["import-k2vv", str(path), "--out", str(tmp_path / "run")])
    published = json.loads((RUNS / path.name.replace("results", "summary").replace(".jsonl", ".json")).read_text())
    ours = json.loads((tmp_path / "run" / "k2vv-summary.json").read_text())
    assert {name: ours[name] for name in published if name != "model"} == {
        name: value for name, value in published.items() if name != "model"
    }
    rows = [json.loads(line) for line in (tmp_path / "run" / "k2vv-results.jsonl").read_text().splitlines()]
    theirs = [json.loads(line) for line in path.read_text().splitlines()]
    for name in ("data_index", "request", "status", "finish_reason", "tool_calls_valid", "hash"):
        assert [row[name] for row in rows] == [row[name] for row in theirs], name


def test_genuine_requests_are_prepared_as_k2vv_prepares_them() -> None:
    """The body that goes out is, as JSON, the one that K2VV sends with the same sampling; so is its hash."""
    path = Path(DATA) / "k2vv" / "samples_moonshot_3.jsonl"
    profile = loader.load("kimi-k2-0905")
    benchmark = ToolCallBenchmark(Options(reference=("none",)))
    rows = load_rows("toolcall", "benchmarks.toolcall", benchmark.pin, str(path))
    loaded = plan_benchmark(benchmark, rows, profile, Amount(tier="full", limit=None, epochs=None, seed=0))
    endpoint = EndpointInfo(vendor="v", base_url="http://x/v1", model="served", think_mode="kimi")
    info = ProfileInfo(name=profile.name, title=profile.title, digest=profile.digest)
    plan = RunPlan(endpoint=endpoint, profile=info, benchmarks=(loaded.planned,), tier="full", seed=0)
    roles = 0
    for sample, line in zip(loaded.samples(), path.read_bytes().splitlines(), strict=True):
        theirs = _k2vv(json.loads(line), model="served", temperature=0.6)
        content, _ = compose(benchmark.request(sample), plan, loaded.planned, profile)
        assert orjson.loads(content) == theirs
        ours = k2vv.prepared(sample.input, model="served", sampling={"temperature": 0.6})
        assert k2vv.request_hash(ours) == k2vv.request_hash(theirs)
        roles += b'"_input"' in line
    assert roles == 1


def _k2vv(request: dict[str, object], *, model: str, temperature: float) -> dict[str, object]:
    """What `prepare_request` of tool_calls_eval.py does, told again."""
    for message in request["messages"]:  # type: ignore[attr-defined]
        if message["role"] == "_input":
            message["role"] = "system"
    request |= {"model": model, "temperature": temperature}
    if request.get("stream"):
        request["stream_options"] = {"include_usage": True}
    return request
