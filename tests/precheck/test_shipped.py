"""Profiles of other makers: the right vendor passes, faults are caught by their cause, no other maker is named."""

import re
from pathlib import Path

import pytest

from benchmarks.precheck.probe import Probe
from benchmarks.precheck.suites import chosen
from kvv_action.benchmark import Options
from kvv_action.profiles import loader
from kvv_action.schema import CHAT, Score, Verdict
from tests.precheck.direct import DirectVendor
from tests.precheck.harness import precheck
from tests.profiles.families import KIMI, OTHERS

FAULTS = {
    "ignores-max-tokens": "max_tokens is not kept",
    "ignores-stop": "stop sequences are not kept",
    "drops-usage": "usage is missing",
    "ignores-tool-results": "results of tools do not reach the model",
}
"""Cause by fault."""
CAUSES = {
    "ignores-max-tokens": "max-tokens-is-not-kept",
    "ignores-stop": "stop-sequences-are-not-kept",
    "drops-usage": "usage-is-missing",
    "loses-tool-calls": "calls-lost",
    "tool-parser-off": "markers-leak",
    "finish-reason-stop-with-calls": "finish-reason-is-not-tool-calls-although-tools-are-called",
    "malformed-tool-arguments": "tool-arguments-are-not-json-text-of-an-object",
    "ignores-tool-results": "results-of-tools-do-not-reach-the-model",
    "ignores-tool-choice-none": "tool-choice-none-does-not-keep-the-model-from-calling",
    "refuses-tools": "requests-with-tools-are-refused",
    "calls-unknown-tool": "tools-are-called-that-were-not-offered",
    "double-encodes-arguments": "tool-arguments-are-json-text-within-json-text",
    "drops-role": "chunks-of-a-stream-are-not-well-formed",
    "wrong-total-tokens": "total-tokens-is-not-prompt-and-completion-together",
    "mixes-answers": "concurrent-requests-get-each-other-s-answers",
    "cuts-long-prompts": "long-prompts-are-cut-silently",
    "drops-done": "a-stream-does-not-end-with-one-done",
    "ignores-stream": "streams-are-not-streams",
    "same-tool-ids": "ids-of-tool-calls-are-missing-or-repeated",
    "repeats-words": "text-repeated",
    "ignores-system": "system-messages-do-not-reach-the-model",
    "crashes-on-stop": "a-class-of-requests-crashes-the-server",
}
"""First cause of a whole run by fault, for every profile."""
OF_STRICT_TOOLS = {
    "malformed-tool-arguments": "tool-arguments-are-not-json",
    "double-encodes-arguments": "tool-arguments-are-json-inside-a-json-text",
}
"""The same defects as the probes of strict tools name them; a profile without their contract has no such probes."""
LARGE = ("limits.long-prompt", "limits.concurrent", "sizes.", "cache.")
"""Probes that are left out where they have nothing to say."""
PAGES = "github.com/moonshot/kvv-action"
"""Where the causes of this project are explained."""
FOREIGN = re.compile(r"kimi|moonshot|\bK2\b|\bK3\b", re.IGNORECASE)
"""What no report about another maker's model says."""


def probes(name: str) -> list[Probe]:
    """Those of the tier smoke that ask for chats."""
    every = chosen(loader.load(name), Options(model=name, tier="smoke"))
    return [probe for probe in every if all(request.path == CHAT for request in probe.requests)]


def told(name: str, *faults: str) -> list[Score]:
    """What the vendor is told, in the order of the probes."""
    vendor = DirectVendor(name, faults)
    asked = [probe for probe in probes(name) if not (faults and probe.id.startswith(LARGE))]
    return [vendor.judged(probe) for probe in asked]


def test_shipped_profiles_are_played_right_and_wrong() -> None:
    """Smoke of every profile of another maker."""
    for name in OTHERS:
        scores = told(name)
        assert {score.answer for score in scores} <= {"holds", "information"}, name
        for fault, cause in FAULTS.items():
            found = [score for score in told(name, fault) if score.cause]
            assert found[0].cause == cause, (name, fault)
            assert not any(FOREIGN.search(f"{one.explanation} {one.cause} {one.remedy}") for one in found), (
                name,
                fault,
            )


@pytest.mark.perf
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", OTHERS)
def test_a_right_vendor_passes_every_tier(name: str, tmp_path: Path) -> None:
    """As the embedded vendor plays the model, and as its official API refuses."""
    for tier in ("smoke", "standard", "full"):
        for faults in ((), ("refuses-as-official",)):
            seen = precheck(tmp_path / f"{tier}{len(faults)}", profile=name, tier=tier, faults=faults)
            assert (seen.result.verdict, seen.broken, seen.failed) == (Verdict.PASS, {}, {})
            assert not FOREIGN.search(written(tmp_path / f"{tier}{len(faults)}"))


@pytest.mark.perf
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", [*OTHERS, KIMI[-1]])
@pytest.mark.parametrize("fault", CAUSES)
def test_a_fault_has_the_same_first_cause_for_every_model(name: str, fault: str, tmp_path: Path) -> None:
    """At the tier full; reports of other makers' models speak of no other one."""
    seen = precheck(tmp_path / "out", profile=name, tier="full", faults=(fault,))
    assert seen.causes[0] in (CAUSES[fault], OF_STRICT_TOOLS.get(fault) if name not in OTHERS else None)
    if name in OTHERS:
        assert not FOREIGN.search(written(tmp_path / "out"))


def written(out: Path) -> str:
    """The reports for people and machines, without the public name of a way to ask."""
    texts = ((out / name).read_text() for name in ("report.json", "summary.md", "junit.xml", "report.html"))
    return "\n".join(texts).replace('"think_mode": "kimi"', "").replace(PAGES, "")
