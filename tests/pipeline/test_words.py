"""What a run says of itself, read by a person: one demonstration with a fault, its files, and its command pasted."""

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest

from entrypoint.bundling import opened
from kvv_action.compare.side import read_report
from kvv_action.github.annotations import of_report
from kvv_action.report.files import render
from kvv_action.schema import RunReport
from tests.pipeline.command import Ran, demo, kvv

FAULT = "wrong-tool=0.3"
OFFERED = "tools are called that were not offered"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, RunReport, Path]:
    """The probes only warn, and some calls are wrong."""
    out = tmp_path_factory.mktemp("words") / "out"
    ran, _ = demo(out, "--benchmarks", "precheck,toolcall", "--precheck", "warn", "--fault", FAULT, "--seed", "3")
    with opened(out) as evidence:
        return ran, read_report(evidence.folder), out


def test_the_first_line_has_the_verdict_the_cause_and_the_probes_that_only_warn(
    run: tuple[Ran, RunReport, Path],
) -> None:
    """On the terminal and in the summary; what to do follows at once."""
    ran, report, out = run
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"fail: {OFFERED}; Pre-Verification only warns: ")
    assert lines[1].startswith("Do first: restrict names to the offered tools")
    failed = [case.id for case in report.benchmarks[0].cases if case.outcome == "wrong"]
    assert failed
    assert failed[0] in lines[0]
    summary = (out / "summary.md").read_text()
    assert summary.splitlines()[2].startswith(f"**{OFFERED}; Pre-Verification only warns: ")


def test_the_summary_reads_as_plain_text(run: tuple[Ran, RunReport, Path]) -> None:
    """Code spans in place of entities; the numbers are folded."""
    _, _, out = run
    summary = (out / "summary.md").read_text()
    assert "&#" not in summary
    assert "`tool_call_f1`" in summary
    assert "<details><summary>K2VV ToolCall: numbers</summary>" in summary
    assert re.search(r"\| Tokens a second, in all \| ([\d\u2009]{3,}|\d{1,2}\.\d) \|", summary)


def test_a_run_has_one_score(run: tuple[Ran, RunReport, Path]) -> None:
    """The share of right answers, where every answer must be right: in every file and on the terminal."""
    ran, report, out = run
    result = report.benchmarks[1]
    right = sum(case.outcome == "right" for case in result.cases)
    assert 0 < right < 50
    assert result.score == right / 50
    shown = f"{2 * right:.1f} %"
    assert f"| {shown} | – | – | {right} of 50 |" in (out / "summary.md").read_text()
    for text in (ran.out, (out / "report.html").read_text().replace("\u00a0", " ")):
        assert shown in text
        assert not re.search(r"K2VV ToolCall[^\n]*100\.0", text)


def test_failures_in_junit_carry_cause_and_remedy(run: tuple[Ran, RunReport, Path]) -> None:
    """Those of probes and that of a benchmark."""
    _, _, out = run
    root = ElementTree.parse(out / "junit.xml").getroot()
    failures = [one for suite in root if suite.get("name") != "findings" for one in suite.iter("failure")]
    assert len(failures) > 2
    for one in failures:
        assert re.search(r"cause: .+; what to do: .+", one.get("message", "")), one.get("message")


def test_annotations_name_the_cause(run: tuple[Ran, RunReport, Path]) -> None:
    """Of each probe that does not hold."""
    _, report, _ = run
    probes = [one for one in of_report(report) if one.title.startswith("Pre-Verification: ") and "." in one.title]
    assert probes
    assert all("What to do: " in one.message and "Seen: " in one.message for one in probes)


def test_the_page_tells_causes_before_the_table_and_speed_in_a_row(run: tuple[Ran, RunReport, Path]) -> None:
    """A reader sees first what to mend."""
    page = (run[2] / "report.html").read_text()
    heads = re.findall(r"<h2>([^<]+)</h2>", page)
    assert heads[:3] == ["What is wrong", "Benchmarks", "Speed, delivery and tokens"]
    assert "Tokens a second, per answer" in page


def test_speed_is_a_result_at_its_load(run: tuple[Ran, RunReport, Path]) -> None:
    """In report.json, for every reader."""
    speed = orjson.loads((run[2] / "report.json").read_bytes())["speed"]
    assert 0 < speed["in_flight"] <= 50
    assert speed["answers"] > 0  # on a busy machine some come in one piece
    assert 0 < speed["slow_answer"] <= speed["per_answer"]
    assert 0 < speed["first_token"]["p50"] <= speed["first_token"]["p95"]


def test_again_can_be_pasted(run: tuple[Ran, RunReport, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From another folder: it asks the same plan, and keeps what was set."""
    _, report, out = run
    match = re.search(r"### Again\n\n```sh\n(.+)\n```", (out / "summary.md").read_text())
    assert match is not None
    words = shlex.split(match[1])
    assert words[:4] == ["kvv", "demo", "--fault", FAULT]
    for pair in (("--precheck", "warn"), ("--seed", "3"), ("--out", str(out))):
        assert pair == (words[words.index(pair[0])], words[words.index(pair[0]) + 1])
    assert not {"--tier", "--image-encoding", "--mmmu-prompt", "--retry-attempts"} & set(words)
    monkeypatch.chdir(tmp_path)
    words[words.index("--out") + 1] = str(tmp_path / "again")
    assert kvv(*words[1:]).status == 1
    assert read_report(tmp_path / "again").plan_digest == report.plan_digest


def test_again_keeps_paths_and_settings_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset by its whole path, and what is no part of a plan; secrets never."""
    from tests.pipeline.command import vendor

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KVV_API_KEY", "a-very-secret-key-1234567")
    with vendor() as base_url:
        options = ("--base-url", base_url, "--model", "kimi-k2.6", "--benchmarks", "precheck", "--probes", "limits")
        kvv("run", *options, "--out", "here", "--max-connections", "7", "--extra-headers", "X-Team: blue")
        found = re.search(r"```sh\n(?:#.+\n)?(.+)\n```", (tmp_path / "here" / "summary.md").read_text())
        assert found is not None
        words = shlex.split(found[1])
        assert words[1] == "run"
        assert words[words.index("--out") + 1] == str(tmp_path / "here")
        assert words[words.index("--max-connections") + 1] == "7"
        assert "# first set KVV_EXTRA_HEADERS to lines of Name: value: X-Team\n" in found[0]
        assert "secret" not in found[1]
        monkeypatch.setenv("KVV_EXTRA_HEADERS", "X-Team: blue")
        again = kvv(*words[1:])
    assert "already complete, nothing was sent" in again.out


def test_probes_without_an_answer_are_named(tmp_path: Path) -> None:
    """In the summary, on the page and on the terminal."""
    ran, _ = demo(tmp_path, "--benchmarks", "precheck", "--probes", "limits,endpoint", "--fault", "hangs=0.3")
    report = read_report(tmp_path)
    lost = [case.id for case in report.benchmarks[0].cases if case.outcome == "failed"]
    assert lost
    files = render(report)
    assert "### Probes without an answer" in files["summary.md"].decode()
    assert "<h2>Probes without an answer</h2>" in files["report.html"].decode()
    assert re.search(rf"Probes without an answer: .*{re.escape(lost[0])}", ran.out)
