"""What `kvv profiles new` finds out of the embedded vendor, playing each shipped profile."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from entrypoint.profile_file import as_toml, contradicted, differences
from entrypoint.profile_guesses import OwnNames, names_in, names_of
from entrypoint.profile_observed import ObservedModel
from entrypoint.profile_replies import ScoutReply
from entrypoint.profile_scout import ProfileScout
from entrypoint.usecases.profiles import parsed, reply_of
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from kvv_action.schema import Json
from kvv_action.simulator import AnswerBook, VendorOptions, parse_fault
from kvv_action.simulator.vendor import Vendor

NO_NAMES = OwnNames()
URL = "https://api.example.org/v1"


def observed(
    profile: Profile, *faults: str, most: int = 120, tells: bool = False, own: OwnNames = NO_NAMES
) -> ObservedModel:
    """What the vendor shows, without a network; `tells`: also the tokens of a prompt."""
    specs = tuple(map(parse_fault, faults))
    vendor = Vendor(VendorOptions(profile=profile, model=profile.model, faults=specs), AnswerBook())

    async def post(path: str, body: Mapping[str, Json] | None) -> ScoutReply:
        raw = orjson.dumps(body)
        if path.startswith("/"):
            shown = vendor.tokens("", raw) if tells and path == "/tokenize" else None
            return ScoutReply(status=404) if shown is None else reply_of(200, b"".join(shown.parts).decode())
        reply = vendor.models("") if body is None else vendor.complete("", raw, raw=path == "completions")
        return reply_of(reply.status, b"".join(reply.parts).decode())

    return asyncio.run(ProfileScout(model=profile.model, post=post, most=most, own=own).look())


@pytest.mark.parametrize("name", loader.names())
def test_a_profile_is_recovered(name: str) -> None:
    """Locked parameters, switches, form of ids and markers; in about a hundred requests, as a file that loads."""
    profile = loader.load(name)
    seen = observed(profile)
    found = parsed(as_toml(seen, model=profile.model, url=URL, day="2026-11-29"))
    assert seen.requests <= 120
    assert not seen.notes
    assert {one.name for one in found.parameters} == {one.name for one in profile.parameters}
    for said, known in zip(found.parameters, profile.parameters, strict=True):
        assert said.thinking_value == known.thinking_value
        assert set(said.rejected) >= set(known.rejected)
        assert said.value == known.value or not found.thinking.switchable
    rules, own = found.thinking, profile.thinking
    assert (rules.supported, rules.default) == (own.supported, own.default)
    assert rules.switchable == (own.switchable or own.switch_open)
    assert (rules.inline, rules.efforts, rules.effort_range) == (own.inline, own.efforts, own.effort_range)
    if own.supported and own.inline is None:
        assert rules.answer_field == own.answer_field
    if own.supported and not own.effort_alone:
        assert rules.request.on == own.request.on or own.adaptive
        assert rules.request.off == own.request.off
        assert rules.request.effort == (own.request.effort if own.efforts else "")
    assert set(found.markers) == set(profile.markers)
    assert found.context_window == profile.context_window
    if profile.call_ids.format:
        assert found.call_ids.format == profile.call_ids.format
    assert list(contradicted(profile, found)) == []


def test_a_server_that_does_otherwise_contradicts_its_profile() -> None:
    """`kvv profiles check FILE --base-url URL` names the key, and both values."""
    profile = loader.load("kimi-k2.6")
    found = parsed(as_toml(observed(loader.load("minimax-m3")), model=profile.model, url=URL, day="2026-11-29"))
    told = {key: (said, seen) for key, said, seen in contradicted(profile, found)}
    assert told["context_window"] == ("262144", "1000000")


def test_a_lax_server_locks_nothing() -> None:
    """What it takes is not written down as locked, whatever the model's own API does."""
    assert observed(loader.load("kimi-k2.6"), "accepts-any-parameter").parameters == ()


def test_what_a_word_costs_is_observed() -> None:
    """Where it is not about one token; a hundred words show it."""
    seen = observed(loader.load("kimi-k2.6"), "overcounts-prompt-tokens")
    found = parsed(as_toml(seen, model="m", url=URL, day="2026-11-29"))
    assert found.word_tokens == pytest.approx(3, rel=0.1)
    assert "word_tokens" in {about for fact in found.facts for about in fact.about}
    assert observed(loader.load("kimi-k2.6"), most=10).word_tokens is None


def test_the_budget_is_kept_and_said() -> None:
    """What was not asked stays out."""
    seen = observed(loader.load("kimi-k2.6"), most=10)
    assert seen.requests == 10
    assert "budget of 10 requests" in seen.notes[-1]
    assert parsed(as_toml(seen, model="m", url=URL, day="2026-11-29")).parameters == ()


def test_every_fact_says_where_and_when_it_was_seen() -> None:
    """Observed, never published; hostile words stay text."""
    seen = observed(loader.load("kimi-k3"))
    seen.notes.append('a line\nof "another" [table]')
    text = as_toml(seen, model='odd"name\\', url=URL, day="2026-11-29")
    found = parsed(text)
    assert found.model == 'odd"name\\'
    assert {fact.note for fact in found.facts} == {f"observed at {URL} on 2026-11-29"}
    assert "published" not in text.replace("not published by anyone", "")


def test_equal_profiles_do_not_differ() -> None:
    """What differs is named by its key."""
    first, second = loader.load("kimi-k2.5"), loader.load("kimi-k2.6")
    assert list(differences(first, first)) == []
    assert {"model"} <= {key for key, _, _ in differences(first, second)}


@pytest.mark.parametrize(("change", "key"), [
    ({"title": "Y"}, "title"),
    ({"sources": ("https://x.example",)}, "sources"),
    ({"facts": ()}, "facts of vision, benchmarks"),
    ({"prompt_tokens": {"no-format": 36}}, "prompt_tokens.no-format"),
    ({"benchmarks": loader.load("kimi-k3").benchmarks}, "benchmarks.ocrbench.reference.value"),
])  # fmt: skip
def test_each_key_that_differs_is_named(change: dict[str, Any], key: str) -> None:
    """Also who says it. What belongs to a table is named by its own keys, and a table that is missing not as well."""
    first = loader.load("kimi-k2.7")
    keys = [named for named, _, _ in differences(first, replace(first, **change))]
    assert key in keys
    assert {named.partition(".")[0].partition(" ")[0] for named in keys} == {*change}
    assert not [one for one in keys if any(other.startswith(f"{one}.") for other in keys)]


ODD = [
    {"choices": ["x"], "usage": [1]},
    {"choices": [{"message": {"content": "<think>x</think>y", "tool_calls": ["x", {"function": "y"}]}, "logprobs": 1}]},
    {
        "choices": [{"message": {"content": 1, "reasoning": "x", "tool_calls": {"id": "x"}}}],
        "usage": {"prompt_tokens": "x"},
    },
    {"choices": [{"message": {"reasoning": "x", "tool_calls": [{"function": {"name": ""}}] * 2}}], "data": ["x"]},
]


@pytest.mark.parametrize("document", ODD)
@pytest.mark.parametrize(
    "words", ["only 007 is allowed", f"at most {'9' * 5000}", "only 2 is allowed", "context 4,096"]
)
def test_odd_replies_are_data(document: Mapping[str, Json], words: str) -> None:
    """What is served and what is refused may have any form: a profile that loads is written."""

    async def post(path: str, body: Mapping[str, Json] | None) -> ScoutReply:
        del path
        refused = body is not None and body.get("max_tokens") != 4096
        return ScoutReply(status=400, words=words) if refused else ScoutReply(status=200, document=document)

    seen = asyncio.run(ProfileScout(model="odd", post=post, most=120).look())
    assert parsed(as_toml(seen, model="odd", url=URL, day="2026-11-29")).model == "odd"


@pytest.mark.parametrize(("words", "requests"), [("no such model", 2), ("error 7: no such model", 4)])
def test_a_plain_question_that_is_refused_is_the_only_note(words: str, requests: int) -> None:
    """Nothing else is asked, and nobody is told of a budget. A number may be a limit: smaller ones are tried."""

    async def post(path: str, body: Mapping[str, Json] | None) -> ScoutReply:
        del path, body
        return ScoutReply(status=400, words=words)

    seen = asyncio.run(ProfileScout(model="none", post=post, most=120).look())
    assert seen.notes == [f"A plain question was not answered: HTTP 400 {words}"]
    assert (seen.thinks, seen.requests) == (None, requests)


@pytest.mark.parametrize(("text", "is_noise"), [("OK", False), ("ok!", False), ("koka mokiho tokeru", True)])
def test_noise_is_told(text: str, is_noise: bool) -> None:
    """By the word that was asked for; its two letters stand in any long noise."""
    document = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}

    async def post(path: str, body: Mapping[str, Json] | None) -> ScoutReply:
        del path, body
        return ScoutReply(status=200, document=document)

    seen = asyncio.run(ProfileScout(model="m", post=post, most=6).look())
    assert any(note.startswith("Asked to reply") for note in seen.notes) is is_noise


INVENTED = {
    "named levels, a switch of words": (
        """markers = ["<|acme_turn|>", "<|acme_end|>"]
[thinking]
supported = true
switchable = true
default = true
answer_field = "thoughts"
efforts = ["quick", "deep"]
[thinking.request]
on = { reason = "on" }
off = { reason = "off" }
keep = {}
effort = "effort"
[thinking.template]
switch = "reasoning"
keep = ""
effort = "depth"
[call_ids]
format = "{name}-{index}"
[[parameters]]
name = "temperature"
value = 0.7
rejected = [1.0]
"""
    ),
    "thinking between brackets, small numbers": (
        """output_limit = 12345
refusals = ["long-output"]
context_window = 40000
[thinking]
supported = true
switchable = true
default = true
inline = ["[THINK]", "[/THINK]"]
efforts = ["low", "ultra"]
effort_range = [0, 10]
[thinking.request]
on = { reasoning = { enabled = true } }
off = { reasoning = { enabled = false } }
keep = {}
effort = "reasoning.effort"
[thinking.template]
switch = "think"
keep = ""
effort = ""
[call_ids]
format = "call{index}"
[[parameters]]
name = "top_p"
value = 0.9
thinking_value = 0.97
rejected = [0.8]
"""
    ),
    "thinks only when asked": (
        """markers = ["<|user|>", "<|turn|>"]
[thinking]
supported = true
switchable = true
efforts = ["1", "2", "3"]
answer_field = "inner_voice"
[thinking.request]
on = { think = true }
off = { think = false }
keep = {}
effort = "reasoning_effort"
[thinking.template]
keep = ""
[call_ids]
format = "functions.{name}:{index}"
[[parameters]]
name = "n"
value = 1
rejected = [2]
[[parameters]]
name = "temperature"
value = 0.6
thinking_value = 1.0
rejected = [0.3]
open = [0.8, 1.2]
"""
    ),
    "writes little, further parameters": (
        """output_limit = 4000
refusals = ["long-output"]
[thinking]
supported = true
default = true
effort_range = [5, 50]
[thinking.request]
on = {}
off = {}
keep = {}
effort = "thinking_budget"
[thinking.template]
switch = ""
keep = ""
effort = ""
[call_ids]
format = "{index}_{name}"
[[parameters]]
name = "repetition_penalty"
value = 1.05
rejected = [1.2]
[[parameters]]
name = "seed"
value = 7
rejected = [1]
"""
    ),
}
"""Profiles of models that nobody has, without their heads."""


def invented(body: str, folder: Path) -> Profile:
    """A profile as a file holds it."""
    path = folder / "invented.toml"
    path.write_text(f'schema = 1\ntitle = "X"\nmodel = "x"\n{body}[benchmarks.precheck]\n')
    return loader.load(str(path))


def differing(profile: Profile, seen: ObservedModel) -> set[str]:
    """Keys on which the file that is written differs, but for those that only a maker can say."""
    found = parsed(as_toml(seen, model=profile.model, url=URL, day="2026-11-29"))
    assert list(contradicted(profile, found)) == []
    untold = ("title", "sources", "facts", "benchmarks", "call_ids.official", "call_ids.compatible", "vision",
              "thinking.effort_untold")  # fmt: skip
    keys = {key for key, _, _ in differences(profile, found) if not key.startswith(untold)}
    return {key for key in keys if not key.endswith((".rejected", ".open"))}


@pytest.mark.parametrize("body", INVENTED.values(), ids=INVENTED)
def test_a_model_that_nobody_knows_is_recovered(body: str, tmp_path: Path) -> None:
    """Other names of switches and fields, other levels, ids, control tokens, locked parameters and limits."""
    profile = invented(body, tmp_path)
    assert differing(profile, observed(profile, tells=True, most=130)) == set()


def test_refusals_are_recovered() -> None:
    """What the official API refuses although OpenAI's serves it."""
    profile = loader.load("deepseek-v4.1-flash")
    assert {*observed(profile, "refuses-as-official").refusals} == {*profile.refusals}


def test_names_that_nobody_knows_are_tried_where_they_are_given(tmp_path: Path) -> None:
    """A switch and control tokens of which only the model's own files speak."""
    text = """markers = ["<|zap|>"]
[thinking]
supported = true
switchable = true
default = true
[thinking.request]
on = { cogitate = true }
off = { cogitate = false }
keep = {}
effort = ""
[thinking.template]
switch = "cogitate"
keep = ""
effort = ""
[call_ids]
format = "c{index}"
"""
    profile = invented(text, tmp_path)
    own = names_in("{% if cogitate %}<|zap|>{{ messages }}{% endif %}")
    assert own == names_in("cogitate <|zap|>")
    assert own == names_in('["cogitate", "<|zap|>"]')
    assert (own.variables, own.markers) == (names_of(profile).variables, names_of(profile).markers)
    assert differing(profile, observed(profile, own=own)) == set()


def test_names_come_from_a_tokenizers_configuration() -> None:
    """Its special tokens, and the variables of the template within it."""
    added = {"1": {"content": "<|a|>", "special": True}, "2": {"content": "plain", "special": False}}
    document = {"added_tokens_decoder": added, "chat_template": [{"name": "x", "template": "{{ messages }}{{ deep }}"}]}
    own = names_in(orjson.dumps(document).decode())
    assert (own.variables, own.markers) == (("deep",), ("<|a|>",))
    assert names_in("[1]") == names_in("") == NO_NAMES
    assert names_in("{% broken reasoning_on").variables == ("reasoning_on",)
