"""Requests, alignment with references, counts and judgement."""

import tarfile
from pathlib import Path

import orjson
import pytest

from benchmarks.toolcall import k2vv
from benchmarks.toolcall.benchmark import ToolCallBenchmark
from benchmarks.toolcall.options import ToolCallOptions
from kvv_action.errors import DatasetError, UsageError
from kvv_action.profiles import loader
from kvv_action.schema import Completion, ToolCall
from tests.toolcall.harness import (
    bundled,
    calling,
    dataset,
    demo,
    local,
    request,
    result_row,
    saying,
    tool,
    write_rows,
)

BROKEN = '{"a": "half'


async def test_every_exemplar_agrees_with_the_reference_and_validates() -> None:
    """The bundled reference is right about itself."""
    bench = bundled()
    assert len(bench.samples) >= 40
    for number, sample in enumerate(bench.samples):
        answer = bench.benchmark.exemplar(sample, ())
        assert answer is not None
        completion = calling("{}") if answer.tool_calls else saying(answer.content)
        completion = type(completion)(
            content=answer.content, tool_calls=answer.tool_calls, finish_reason=answer.finish_reason
        )
        score = await bench.score(number, completion)
        assert score.value == 1.0, (sample.id, score.explanation)
        assert not score.findings, sample.id
    await bench.benchmark.aclose()


def test_bundled_requests_are_an_honest_mix() -> None:
    """Call and no call, streamed and not, several tools, histories, the role _input, malformed history arguments."""
    requests = [sample.input for sample in bundled().samples]
    called = sum(any(sample.target) for sample in bundled().samples)
    assert 0.5 < called / len(requests) < 0.8
    assert 10 < sum(not asked["stream"] for asked in requests) < 40
    assert sum(len(asked["tools"]) > 1 for asked in requests) > 20
    assert any(message["role"] == "_input" for asked in requests for message in asked["messages"])
    histories = [
        call for asked in requests for message in asked["messages"] for call in message.get("tool_calls") or ()
    ]
    assert any(not _parses(call["function"]["arguments"]) for call in histories)


def _parses(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def test_requests_go_out_as_stored_but_for_the_preparation(tmp_path: Path) -> None:
    """`_input` becomes system, sampling and model are replaced, malformed history arguments stay."""
    asked = request(temperature=0.1, max_tokens=5, stream=True, user="u", tool_choice="auto")
    asked["messages"] = [
        {"role": "_input", "content": "s", "name": "n"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "1", "function": {"name": "go", "arguments": BROKEN}}],
        },
    ]
    bench = dataset(tmp_path / "d.jsonl", [asked], reference=("none",))
    made = bench.benchmark.request(bench.samples[0])
    assert made.messages[0] == {"role": "system", "content": "s", "name": "n"}
    assert made.messages[1] == asked["messages"][1]
    assert made.body == {"tools": asked["tools"], "user": "u", "tool_choice": "auto"}
    assert made.stream is True


def test_references_are_aligned_by_content(tmp_path: Path) -> None:
    """The order of a reference does not matter; duplicates are paired one by one; what is missing has no label."""
    twice, other, unknown = request("twice"), request("other"), request("unknown")
    rows = [
        result_row(3, {**other, "model": "official"}, "stop"),
        result_row(2, {**twice, "temperature": 9}, "stop"),
        result_row(1, twice, "tool_calls"),
    ]
    path = write_rows(tmp_path / "r.jsonl", rows)
    bench = dataset(tmp_path / "d.jsonl", [other, twice, unknown, twice], reference=(path,))
    assert [sample.target for sample in bench.samples] == [[False], [True], [], [False]]


async def test_several_runs_of_a_reference_give_its_own_agreement(tmp_path: Path) -> None:
    """Pairs of runs are counted, and the endpoint is compared with each run."""
    asked = request()
    first = write_rows(tmp_path / "1.jsonl", [result_row(1, asked, "tool_calls")])
    second = write_rows(tmp_path / "2.jsonl", [result_row(1, asked, "stop")])
    bench = dataset(tmp_path / "d.jsonl", [asked], reference=(first, second))
    counts = (await bench.score(0, calling('{"a": "b"}'))).counts
    assert (counts["tp"], counts["fp"], counts["self_errors"]) == (1, 1, 1)


async def test_a_failure_of_the_reference_is_no_call_and_told(tmp_path: Path) -> None:
    """As in K2VV; the count lets F1 be told the other way, too."""
    asked = request()
    path = write_rows(tmp_path / "r.jsonl", [result_row(1, asked, None)])
    bench = dataset(tmp_path / "d.jsonl", [asked], reference=(path,))
    counts = (await bench.score(0, calling('{"a": "b"}'))).counts
    assert (counts["fp"], counts["reference_failed_called"]) == (1, 1)


@pytest.mark.parametrize("mode", ["chat", "completions"])
def test_a_journal_can_be_the_reference(mode: str, tmp_path: Path) -> None:
    """What a run called is what the next one is compared with, also when it asked for raw completions."""
    samples = Path(__file__).parents[2] / "benchmarks" / "toolcall" / "samples" / "samples.jsonl"
    first = demo(tmp_path / "first", *(["triggers-differently=0.3"] if mode == "chat" else []), toolcall_mode=mode)
    again = demo(
        tmp_path / "second", reference=str(tmp_path / "first"), dataset=f"toolcall={samples}", sequential="false"
    )
    assert again.metrics["tp"] + again.metrics["fn"] == first.metrics["tp"] + first.metrics["fp"]


def test_a_run_in_a_folder_called_official_is_that_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--out official`, then `--reference official`, as we advise: nothing is asked of the published archive."""
    (tmp_path / "official").mkdir()
    write_rows(tmp_path / "official" / "journal.jsonl", [result_row(1, request(), "tool_calls")])
    monkeypatch.chdir(tmp_path)
    bench = dataset(tmp_path / "d.jsonl", [request()], reference=("official",))
    assert [sample.target for sample in bench.samples] == [[True]]
    assert bench.benchmark.against.startswith("journal.jsonl sha256:")


@pytest.mark.parametrize("name", ["missing.jsonl", "d.jsonl"])
def test_what_is_no_reference_is_refused(name: str, tmp_path: Path) -> None:
    """A missing file and a file of requests are named."""
    with pytest.raises(UsageError, match="reference"):
        dataset(tmp_path / "d.jsonl", [request()], reference=(str(tmp_path / name),))


async def test_an_archive_brings_its_official_results_along(tmp_path: Path) -> None:
    """A local copy of the published archive is requests and reference in one; the model's own results are taken."""
    asked, path = request(), tmp_path / "tool-calls.tar.gz"
    files = {
        "samples.jsonl": asked,
        "k2-thinking-results.jsonl": result_row(1, asked, "tool_calls"),
        "k2-0905-results.jsonl": result_row(1, asked, "stop"),
    }
    with tarfile.open(path, "w:gz") as tar:
        for name, row in files.items():
            tar.add(write_rows(tmp_path / name, [row]), name)
    bench = local(path, dataset_cache=str(tmp_path / "cache"))
    assert (await bench.score(0, calling('{"a": "b"}'))).counts["tp"] == 1
    assert bench.benchmark.against.startswith("official sha256:")


def test_a_row_without_messages_is_refused(tmp_path: Path) -> None:
    """The row is named."""
    with pytest.raises(DatasetError, match="row 1"):
        dataset(tmp_path / "d.jsonl", [{"prompt": "x"}], reference=("none",))


async def test_invalid_calls_are_counted_by_kind_and_tool(tmp_path: Path) -> None:
    """Each call once for each way in which it is wrong."""
    closed = tool({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
                   "additionalProperties": False})  # fmt: skip
    bench = dataset(tmp_path / "d.jsonl", [request(tools=[closed])], reference=("none",))
    texts = ("", "{", '{"a": 1}', "{}", '{"a": "x", "b": 1}', '{"a": "x", "a": "y"}', '{"a": "x"}')
    counts = (await bench.score(0, calling(*texts))).counts
    kinds = {name.partition("/")[2]: count for name, count in counts.items() if name.startswith("invalid_kind/")}
    assert kinds == {
        "empty-arguments": 1,
        "not-json": 1,
        "wrong-type": 1,
        "missing-required": 1,
        "extra-property": 1,
        "duplicate-keys": 1,
    }
    assert counts["invalid_tool/go"] == 6
    assert (counts["count_calls"], counts["count_valid_calls"]) == (7, 1)


async def test_names_that_were_not_offered_do_not_become_names_of_a_breakdown(tmp_path: Path) -> None:
    """A vendor cannot write into the report by inventing tools."""
    bench = dataset(tmp_path / "d.jsonl", [request()], reference=("none",))
    counts = (await bench.score(0, calling("{}", name="evil"))).counts
    assert counts["invalid_tool/(not offered)"] == 1


async def test_more_tokens_than_asked_for_is_sampling_ignored(tmp_path: Path) -> None:
    """The profile asks for 64000 tokens."""
    bench = dataset(tmp_path / "d.jsonl", [request()], reference=("none",))
    score = await bench.score(0, saying(usage={"completion_tokens": 64001, "prompt_tokens": 500}))
    assert any("sampling is ignored" in cause for cause in score.findings)


def test_ids_of_calls_are_those_of_the_profile() -> None:
    """The bundled exemplars use the documented format."""
    bench = bundled()
    calls: list[ToolCall] = []
    for sample in bench.samples:
        answer = bench.benchmark.exemplar(sample, ())
        assert answer is not None
        calls += answer.tool_calls
    assert all(call.id.startswith(f"functions.{call.name}:") for call in calls)


def test_hash_is_that_of_k2vv() -> None:
    """md5 of the JSON with sorted keys, not escaped."""
    assert k2vv.request_hash({"b": "é", "a": 1}) == "4958a382e543ba9bf8b8c958ed0c1b21"


async def test_exemplars_of_other_data_agree_with_their_reference(tmp_path: Path) -> None:
    """A vendor that is given dataset and reference can answer right; bundled answers are never mixed in."""
    path = write_rows(
        tmp_path / "r.jsonl", [result_row(1, request("a"), "tool_calls"), result_row(2, request("b"), "stop")]
    )
    bench = dataset(tmp_path / "d.jsonl", [request("a"), request("b"), request("c")], reference=(path,))
    called, said, unknown = (bench.benchmark.exemplar(sample, ()) for sample in bench.samples)
    assert called is not None
    assert said is not None
    assert [call.name for call in called.tool_calls] == ["go"]
    assert said.tool_calls == ()
    assert unknown is None


def test_a_reference_is_given_in_one_way(tmp_path: Path) -> None:
    """A model without URL, and files beside a live endpoint, are refused with both names."""
    with pytest.raises(UsageError, match="reference-base-url"):
        demo(tmp_path, reference_model="m")
    with pytest.raises(UsageError, match="not both"):
        demo(tmp_path, reference="none", reference_base_url="http://127.0.0.1:1/v1")


@pytest.mark.parametrize("profile", ["kimi-k2-0905", "kimi-k2-thinking", "kimi-k2.6", "kimi-k3"])
async def test_raw_exemplars_of_other_data_are_read_again(profile: str, tmp_path: Path) -> None:
    """Each is written by the template of its model, and agrees with the reference once it is read."""
    asked = [request(), request("What is it?")]
    rows = [result_row(1, asked[0], "tool_calls"), result_row(2, asked[1], "stop")]
    path = write_rows(tmp_path / "r.jsonl", rows)
    bench = dataset(tmp_path / "d.jsonl", asked, reference=(path,), toolcall_mode="completions", profile=profile)
    for number, sample in enumerate(bench.samples):
        answer = bench.benchmark.exemplar(sample, ())
        assert answer is not None
        assert not answer.tool_calls
        raw = Completion(content=answer.content, finish_reason="stop")
        assert (await bench.score(number, raw)).value == 1
    await bench.benchmark.aclose()


def test_a_model_of_another_template_is_not_asked_by_raw_prompts() -> None:
    """It would be judged by a prompt that is not its own; the message says what is missing and what to do."""
    benchmark = ToolCallBenchmark(own=ToolCallOptions(toolcall_mode="completions"))
    [problem] = benchmark.unfit(loader.load("gpt-oss-120b"), "2026-11-30")
    assert "gpt-oss-120b names neither. Leave out toolcall-mode" in str(problem)
    for profile in ("kimi-k3", "kimi-k2.6"):
        assert not list(benchmark.unfit(loader.load(profile), "2026-11-30"))
    assert not list(ToolCallBenchmark().unfit(loader.load("gpt-oss-120b"), "2026-11-30"))
