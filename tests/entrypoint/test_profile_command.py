"""`kvv profiles new`, `diff` and `check` against a vendor on a socket."""

from pathlib import Path

import pytest

from kvv_action.profiles import loader
from tests.pipeline.command import kvv, vendor

pytestmark = pytest.mark.pipeline
KEY = "sk-0123456789abcdef0123456789"


def test_a_profile_is_written_compared_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From nothing to a verdict; the key is in no file, and what is sent is told before."""
    file = tmp_path / "own.toml"
    monkeypatch.setenv("KVV_API_KEY", KEY)
    with vendor("--profile", "minimax-m3", "--model", "mine", KVV_API_KEY=KEY) as url:
        there = ("--base-url", url, "--model", "mine")
        ran = kvv("profiles", "new", *there, "-o", file)
        assert ran.status == 0, ran.err
        assert "Sends up to 120 requests" in ran.err
        assert KEY not in ran.out + ran.err + file.read_text()
        found = loader.load(str(file))
        assert (found.thinking.inline, found.context_window) == (("<think>", "</think>"), 1_000_000)
        assert kvv("profiles", "new", *there, "-o", file).status == 2
        nowhere = kvv("profiles", "new", *there, "-o", tmp_path / "none" / "own.toml")
        assert (nowhere.status, "Sends" in nowhere.err) == (2, False)
        checked = kvv("profiles", "check", file, "--base-url", url)
        assert checked.status == 0, checked.out
        cut = kvv("profiles", "check", file, "--base-url", url, "--max-requests", 9)
        assert "The budget of 9 requests was used up before everything was asked." in cut.out
        other = kvv("profiles", "check", "kimi-k2.6", *there)
        assert other.status == 1
        assert "context_window: 262144 in kimi-k2.6, 1000000 at the endpoint" in other.out
        few = kvv("profiles", "new", *there, "--max-requests", 9)
        assert few.status == 0
        assert "asked 9 times" in few.out
        run = kvv("run", *there, "--profile", file, "--tier", "smoke", "--out", tmp_path / "out")
        assert run.status == 0, run.out
        monkeypatch.setenv("KVV_API_KEY", "sk-another-key-0123456789")
        refused = kvv("profiles", "new", *there)
        assert refused.status in (2, 3)


def test_two_profiles_are_compared() -> None:
    """Status 1 where they differ."""
    assert kvv("profiles", "diff", "kimi-k2.6", "kimi-k2.6").status == 0
    ran = kvv("profiles", "diff", "kimi-k2.5", "glm-5.3")
    assert ran.status == 1
    assert "output_limit: null in kimi-k2.5, 131072 in glm-5.3" in ran.out
    assert "benchmarks.ocrbench: {…} in kimi-k2.5, nothing in glm-5.3\n" in ran.out  # one line, not one for each key
    assert "benchmarks.ocrbench." not in ran.out
    assert "benchmarks.aime2025.reference.value: " in ran.out


@pytest.mark.parametrize("action", ["new", "diff", "check"])
def test_the_help_of_an_action_fits_a_terminal(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns no line is wider, and the exit statuses are there."""
    monkeypatch.setenv("COLUMNS", "80")
    text = kvv("profiles", action, "--help").out
    assert max(map(len, text.splitlines())) <= 80
    assert "exit status: 0 " in text


WHOLE = """schema = 1
title = "Whole"
model = "whole-1"
served_names = ["org/Whole-1"]
context_window = 131072
output_limit = 65536
word_tokens = 4.3
vision = true
contracts = ["tool-choice", "response-format"]
contract_levels = { response-format = "warning" }
surfaces = ["responses"]
refusals = ["begun-answers", "long-output"]
markers = ["<|whole|>"]
reference_pack = "pack.json"
prompt_tokens = { no-format = 36 }
[call_ids]
format = "w_{index}"
official = "warning"
[engine_options."llama.cpp"]
--chat-template-file = "whole.jinja"
[thinking]
supported = true
switchable = true
keep = true
strict = true
adaptive = true
efforts = ["few", "many"]
default_effort = "many"
effort_range = [1, 77]
effort_untold = true
inline = ["<muse>", "</muse>"]
[thinking.request]
on = { muse = "yes" }
off = { muse = "no" }
keep = { muse_kept = 3 }
effort = "muse_depth"
[thinking.template]
switch = "let_muse"
keep = "kept_muse"
effort = "deep_muse"
[benchmarks.precheck]
[benchmarks.toolcall]
sampling = { top_p = 0.91 }
without_thinking = { top_p = 0.42 }
thinking = true
reference_file = "own.jsonl"
note = "A note."
tiers = { smoke = { limit = 13, epochs = 2, only_named = true } }
"""
TOLD = (
    "org/Whole-1", "131 072", "65 536", "short English word: 4.3",
    "pictures: read", "tool-choice (failure where broken)",
    "response-format (warning where broken)", "responses", "begun-answers, so a vendor may",
    "long-output, so a vendor must", "<|whole|>", "pack.json", "no-format: 36", "w_{index}", "off by default",
    "as the question needs it", "few, many",
    "1 to 77", "default many", "not told in the prompt", "between <muse> and </muse>", '{"muse":"yes"}',
    '{"muse":"no"}',
    '{"muse_kept":3}', "muse_depth", "let_muse", "kept_muse", "deep_muse", "earlier turns is kept", "while thinking:",
    "top_p=0.91", "top_p=0.42", "thinking on", "own.jsonl", "A note.", "13 samples, 2 of each",
    "only where benchmarks names it", "judged by itself: precheck",
    "llama.cpp serves it with: --chat-template-file whole.jinja",
)  # fmt: skip


def test_all_of_a_profile_is_shown(tmp_path: Path) -> None:
    """Each key that a file may have."""
    file = tmp_path / "whole.toml"
    file.write_text(WHOLE)
    ran = kvv("profiles", file)
    assert [told for told in TOLD if told not in " ".join(ran.out.split())] == []


def test_scores_that_nobody_published_are_named() -> None:
    """What is judged by itself, and what needs something to compare with."""
    out = kvv("profiles", "qwen3.8").out
    assert "judged by itself: precheck" in out
    assert "no score is published for aime2025, toolcall: not judged without a run" in out
    assert "no score" not in kvv("profiles", "generic").out


@pytest.mark.parametrize(
    "hints", ["5", "null", "true", "", "  ", "[]", "[5]", "{}", '{"model_type": "x"}', '[{"a": 1}]']
)
def test_hints_that_name_nothing_are_refused(tmp_path: Path, hints: str) -> None:
    """A file that was meant for something else is no help, and the profile would not say so."""
    file = tmp_path / "hints"
    file.write_text(hints)
    ran = kvv("profiles", "new", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--hints", file)
    assert (ran.status, "Sends" in ran.err) == (2, False)
    assert "It names nothing to try: give a chat template" in ran.err


def test_hints_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """Before anything is sent."""
    ran = kvv("profiles", "new", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--hints", tmp_path / "none")
    assert (ran.status, "Sends" in ran.err) == (2, False)
    assert "--hints" in ran.err


def test_ids_of_another_form_contradict_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that says how ids are written, and an endpoint that makes them up in its own way."""
    monkeypatch.setenv("KVV_API_KEY", KEY)
    told = 'call_ids.format: "functions.{name}:{index}" in kimi-k2-thinking'
    for fault, status, seen in ((), 0, ""), (("--fault", "renames-tool-ids"), 1, "ids of another form ("):
        with vendor("--profile", "kimi-k2-thinking", *fault, KVV_API_KEY=KEY) as url:
            ran = kvv("profiles", "check", "kimi-k2-thinking", "--base-url", url)
        assert ran.status == status, ran.out
        assert (f"{told}, {seen}" in ran.out) is bool(status)
