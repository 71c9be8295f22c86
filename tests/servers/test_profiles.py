"""`kvv profiles new` in front of real engines: what it writes holds there, and is what a run then judges by.

Their models are noise, so that nothing is observed that only a sensible answer can show, and the file says so. A run
by the profile blames the answers first.
"""

from pathlib import Path

import pytest

from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from tests.pipeline.command import kvv, report
from tests.servers import engines

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1800)]

MARKERS = {"<|im_end|>", "<|im_user|>", "<|im_assistant|>", "<|im_middle|>", "[EOS]", "<|tool_call_begin|>"}


def written(url: str, folder: Path) -> Profile:
    """The profile that is written, after the same endpoint was held against it."""
    file, there = folder / "own.toml", ("--base-url", url, "--model", engines.MODEL)
    made = kvv("profiles", "new", *there, "-o", file)
    assert made.status == 0, made.out + made.err
    assert "Asked to reply with exactly OK" in made.out
    assert "observed at" in file.read_text()
    checked = kvv("profiles", "check", file, *there)
    assert checked.status == 0, checked.out
    return loader.load(str(file))


def test_llamacpp_is_observed(tmp_path: Path) -> None:
    """Its window, and the control tokens of the template that it tells."""
    with engines.llamacpp(tmp_path) as url:
        found = written(url, tmp_path)
    assert found.context_window == 8192
    assert {"<s>", "</s>"} <= set(found.markers)
    assert found.word_tokens > 4  # of a vocabulary of a few hundred pieces
    assert not found.thinking.supported
    assert not found.parameters


def test_vllm_is_observed_and_judged_by_it(tmp_path: Path) -> None:
    """Its parsers and checks: thinking and its switch, levels, window, limit, control tokens; no probe is refused."""
    with engines.vllm(tmp_path) as url:
        found = written(url, tmp_path)
        out = tmp_path / "out"
        there = ("--base-url", url, "--model", engines.MODEL, "--profile", tmp_path / "own.toml", "--out", out)
        assert kvv("run", *there, "--tier", "smoke", "--benchmarks", "precheck").status == 1
    assert set(found.markers) >= MARKERS
    assert (found.context_window, found.output_limit, found.vision) == (8192, 8192, False)
    assert (found.thinking.answer_field, found.thinking.template.switch) == ("reasoning", "thinking")
    assert (found.thinking.request.effort, found.thinking.efforts[0]) == ("reasoning_effort", "minimal")
    told = report(out)
    assert told["causes"][0]["cause_id"] == "not-language"
    assert "cannot be greater than max_model_len" not in (out / "report.json").read_text()
