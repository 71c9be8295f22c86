"""Result files of K2VV in, result files of K2VV out."""

import json
from pathlib import Path

import orjson
import pytest

from benchmarks.toolcall import k2vv
from entrypoint.cli import main
from tests.toolcall.harness import demo, request, result_row, write_rows

KEYS = [
    "data_index", "request", "extra_body", "response", "status", "finish_reason", "tool_calls_valid", "last_run_at",
    "duration_ms", "hash",
]  # fmt: skip
SUMMARY = [
    "model", "success_count", "failure_count", "finish_stop", "finish_tool_calls", "finish_others",
    "finish_others_detail", "schema_validation_error_count", "successful_tool_call_count", "usage", "eval_started_at",
    "eval_finished_at", "eval_duration_ms",
]  # fmt: skip


def report(out: Path) -> dict[str, object]:
    """The report of a folder, as JSON."""
    found: dict[str, object] = json.loads((out / "report.json").read_text())
    return found


def test_a_run_writes_k2vvs_files(tmp_path: Path) -> None:
    """With exactly its keys, in its order, the md5 of the request, and counts that agree with the report."""
    result = demo(tmp_path, "extra-properties=0.4", "triggers-differently=0.2")
    rows = [json.loads(line) for line in (tmp_path / k2vv.RESULTS).read_text().splitlines()]
    assert [list(row) for row in rows] == [KEYS] * 50
    assert all(row["hash"] == k2vv.request_hash(row["request"]) for row in rows)
    assert [row["data_index"] for row in rows] == list(range(1, 51))
    summary = json.loads((tmp_path / k2vv.SUMMARY).read_text())
    assert list(summary) == SUMMARY
    assert summary["finish_tool_calls"] == result.metrics["count_finish_reason_tool_calls"]
    assert summary["successful_tool_call_count"] == result.metrics["count_successful_tool_call"]
    assert summary["usage"]["total_tokens"] > 0
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert {k2vv.RESULTS, k2vv.SUMMARY} <= manifest["files"].keys()


def test_what_we_write_we_read(tmp_path: Path) -> None:
    """An exported run, imported again, has the same numbers, and its audit and its reports work."""
    first = demo(tmp_path / "run", "extra-properties=0.4", "triggers-differently=0.2", "disconnects=0.05",
                 retry_attempts="1")  # fmt: skip
    reference = tmp_path / "reference"
    demo(reference)
    out = tmp_path / "imported"
    arguments = ["--profile", "kimi-k2-thinking", "--reference", str(reference / k2vv.RESULTS), "--out", str(out)]
    main(["import-k2vv", str(tmp_path / "run" / k2vv.RESULTS), *arguments])
    (second,) = report(out)["benchmarks"]  # type: ignore[misc]
    same = ("tool_call_f1", "schema_accuracy", "call_accuracy", "mcc", "tp", "fp", "fn", "tn")
    assert {name: second["metrics"][name] for name in same} == {name: first.metrics[name] for name in same}
    assert second["counts"]["failed"] == first.counts.failed
    assert main(["audit", str(out)]) == 0
    before = (out / "summary.md").read_bytes()
    assert main(["render", str(out)]) == 0
    assert (out / "summary.md").read_bytes() == before
    assert b"Imported" in before
    theirs, ours = ((folder / k2vv.RESULTS).read_bytes().splitlines() for folder in (tmp_path / "run", out))
    for old, new in zip(map(orjson.loads, theirs), map(orjson.loads, ours), strict=True):
        assert {name: old[name] for name in ("request", "hash", "tool_calls_valid", "finish_reason", "status")} == {
            name: new[name] for name in ("request", "hash", "tool_calls_valid", "finish_reason", "status")
        }


def test_an_import_that_was_tampered_with_fails_its_audit(tmp_path: Path) -> None:
    """A changed reference beside the journal is found."""
    asked = request()
    source = write_rows(tmp_path / "r.jsonl", [result_row(1, asked, "stop", response={"choices": [{"message": {}}]})])
    main(["import-k2vv", source, "--reference", source, "--out", str(tmp_path / "out")])
    kept = tmp_path / "out" / "k2vv-reference-1.jsonl"
    kept.write_bytes(kept.read_bytes().replace(b'"stop"', b'"tool_calls"'))
    assert main(["audit", str(tmp_path / "out")]) == 1


def test_of_several_rows_of_a_request_the_last_run_counts(tmp_path: Path) -> None:
    """As K2VV's own de-duplication."""
    asked = request()
    rows = [
        result_row(1, asked, "stop", last_run_at="2025-01-02T00:00:00"),
        result_row(1, asked, "tool_calls", last_run_at="2025-01-01T00:00:00"),
    ]
    assert [row["finish_reason"] for row in k2vv.rows(Path(write_rows(tmp_path / "r.jsonl", rows)))] == ["stop"]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Error code: 400 - {'error': 'Invalid schema'}", "rejected"),
        ("Error code: 429 - slow down", "rate-limited"),
        ("Error code: 502 - bad gateway", "server-error"),
        ("Error code: 401", "auth"),
        ("Request timed out.", "timeout-total"),
        ("Connection error.", "connect"),
        ("odd", "bad-response"),
    ],
)
def test_failures_keep_their_kind(message: str, kind: str) -> None:
    """As far as the message tells."""
    assert k2vv.failure_of({"response": {"error": message}}).kind == kind


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl", "--out", "out"], "no such file"),
        ([".", "--out", "out"], "it is a folder; name a file"),
        (["bad.jsonl", "--out", "out"], "not a result of K2VV"),
        (["good.jsonl", "--reference", "bad.jsonl", "--out", "out"], "not a result of K2VV"),
        (["prompts.jsonl", "--out", "out"], "list of messages"),
        (["requests.jsonl", "--out", "out"], "data_index is missing"),
        (["empty.jsonl", "--out", "out"], "empty.jsonl: holds no result of K2VV"),
    ],
)
def test_wrong_files_are_named(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2 with the file and what is wrong."""
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "bad.jsonl", [request()])
    write_rows(tmp_path / "requests.jsonl", [{"request": request()}])
    write_rows(tmp_path / "empty.jsonl", [])
    write_rows(tmp_path / "good.jsonl", [result_row(1, request(), "stop")])
    write_rows(tmp_path / "prompts.jsonl", [result_row(1, {"prompt": "x"}, "stop")])
    assert main(["import-k2vv", *arguments]) == 2
    assert said.lower() in capsys.readouterr().err.lower()


def test_a_folder_with_a_run_is_refused(tmp_path: Path) -> None:
    """Nothing is mixed and nothing is replaced."""
    source = write_rows(tmp_path / "r.jsonl", [result_row(1, request(), "stop")])
    main(["import-k2vv", source, "--out", str(tmp_path / "out")])
    assert main(["import-k2vv", source, "--out", str(tmp_path / "out")]) == 2
