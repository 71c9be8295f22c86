"""Exact token counts of a model are data: a file beside its profile, which no code names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks.precheck.suites.tokens import probes
from benchmarks.precheck.token_pattern import CONSTANT_OFFSET, OWN_SYSTEM_PROMPT, TOKENIZER_DIFFERS
from kvv_action.benchmark import Options
from kvv_action.errors import UsageError
from kvv_action.profiles import loader
from kvv_action.profiles.token_cases import load
from kvv_action.schema import Thinking
from tests.precheck.faulted import counted

TEXTS = ("Hi", "Hello there", "北京", "Count to 1234567")
SYSTEM = {"role": "system", "content": "Be brief."}
CASES: list[dict[str, Any]] = [
    *({"id": f"user-{n}", "expected": 9 + n, "body": {"messages": [{"role": "user", "content": text}]}}
      for n, text in enumerate(TEXTS)),
    *({"id": f"system-{n}", "expected": 16 + n, "body": {"messages": [SYSTEM, {"role": "user", "content": text}]}}
      for n, text in enumerate(TEXTS)),
    {"id": "instant", "effort": "none", "expected": 7, "body": {"messages": [{"role": "user", "content": "Hi"}]}},
]  # fmt: skip


def written(folder: Path, toml: str = 'extends = "kimi-k2.6"\n', **changes: Any) -> Path:
    """A profile with a file of counts beside it."""
    document = {"source": "https://example.com", "date": "2026-11-29", "cases": CASES, **changes}
    (folder / "own.tokens.json").write_bytes(orjson.dumps(document))
    (folder / "own.toml").write_text(toml)
    return folder / "own.toml"


def test_own_cases_are_not_those_of_kimi_vendor_verifier(tmp_path: Path) -> None:
    """A file that names the same suite is still somebody else's; the cases of K3 count wherever they are used."""
    for name, expected in ((str(written(tmp_path)), {}), ("kimi-k3", {"kvv_cases/tokens": 44, "kvv_held/tokens": 0})):
        (probe,) = [probe for probe in probes(loader.load(name), Options()) if probe.id == "tokens.cases"]
        assert probe.judge([counted(1000)] * len(probe.requests)).counts == expected


def judged(path: Path, more: Mapping[str, int]) -> tuple[float, str]:
    """What Pre-Verification says of counts that are `more` than expected."""
    profile = loader.load(str(path))
    (probe,) = [probe for probe in probes(profile, Options()) if probe.id == "tokens.cases"]
    score = probe.judge([counted(case["expected"] + more.get(case["id"], 0)) for case in CASES])
    return score.value, score.cause


def test_a_file_beside_the_profile_is_used(tmp_path: Path) -> None:
    """By its name alone; its cases are asked as the profile's mode asks."""
    profile = loader.load(str(written(tmp_path)))
    assert (profile.tokens.measured, len(load(profile.tokens.cases).cases)) == (True, len(CASES))
    (probe,) = [probe for probe in probes(profile, Options()) if probe.id == "tokens.cases"]
    bodies = [request.body for request in probe.requests]
    assert {body["max_tokens"] for body in bodies} == {1}
    assert not any("reasoning_effort" in body for body in bodies)
    assert [request.thinking for request in probe.requests] == [Thinking.UNSET] * 8 + [Thinking.OFF]
    assert "tokens.cases" not in {probe.id for probe in probes(loader.load("kimi-k2.6"), Options())}


def test_counts_without_a_template_are_judged_by_their_pattern(tmp_path: Path) -> None:
    """What needs the template's own texts is not said; what the cases show is."""
    path = written(tmp_path)
    assert judged(path, {}) == (1.0, "")
    assert judged(path, {case["id"]: 9 for case in CASES}) == (0.0, CONSTANT_OFFSET.cause)
    alone = {case["id"]: 30 for case in CASES if SYSTEM not in case["body"]["messages"]}
    assert judged(path, alone) == (0.0, OWN_SYSTEM_PROMPT.cause)
    assert judged(path, {"user-2": 4, "system-2": 4}) == (0.0, TOKENIZER_DIFFERS.cause)


def test_the_digest_is_of_the_counts_and_not_of_the_place(tmp_path: Path) -> None:
    """So that an audit elsewhere finds the same profile."""
    places = [tmp_path / name for name in ("one", "two", "three")]
    for place in places:
        place.mkdir()
    one, two = (loader.load(str(written(place))).digest for place in places[:2])
    assert one == two
    assert loader.load(str(written(places[2], cases=CASES[:3]))).digest != one


def test_a_model_of_another_name_does_not_take_counts_over(tmp_path: Path) -> None:
    """They lie beside the profile of the model that they are of."""
    written(tmp_path)
    (tmp_path / "next.toml").write_text('extends = "own.toml"\nmodel = "kimi-next"\n')
    assert loader.load(str(tmp_path / "next.toml")).tokens.cases == ""
    (tmp_path / "same.toml").write_text('extends = "own.toml"\ntitle = "Same"\n')
    assert loader.load(str(tmp_path / "same.toml")).tokens.cases.endswith("own.tokens.json")


def test_an_own_file_replaces_the_counts_of_a_built_in_model(tmp_path: Path) -> None:
    """Single counts that the built-in profile states are of its own cases; those that a file states stay."""
    profile = loader.load(str(written(tmp_path, 'extends = "kimi-k3"\n')))
    assert (len(load(profile.tokens.cases).cases), profile.prompt_tokens) == (len(CASES), {})
    (tmp_path / "own.toml").write_text('extends = "kimi-k3"\n[prompt_tokens]\nuser-0 = 8\n')
    assert loader.load(str(tmp_path / "own.toml")).prompt_tokens == {"user-0": 8}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cases": [{"id": "x"}]}, "tokens.cases: "),
        ({"date": 5}, "date: Must be a valid string"),
        ({"template": "unknown"}, "template: Must be '' or 'kimi-k3'"),
        ({"template": "kimi-k3"}, "texts lacks one that the prompt of user-0 has"),
        ({"cases": [{**CASES[0], "effort": "mid"}]}, "Its requests ask for the effort mid"),
        ({"cases": []}, "cases is empty"),
        ({"cases": [CASES[0], CASES[0]]}, "cases.0 (user-0): id is a duplicate"),
        ({"cases": [{**CASES[0], "expected": 0}]}, "expected must be 1 or more"),
        *(
            ({"cases": [{**CASES[0], "body": body}]}, "body.messages must be a list of messages")
            for body in ({}, {"messages": []}, {"messages": "Hi"}, {"messages": ["Hi"]}, {"messages": [{}]})
        ),
        ({"cases": [{**CASES[0], "body": {**CASES[0]["body"], "stream": False}}]}, "body.stream does not belong"),
        ({"cases": [{**CASES[0], "body": {**CASES[0]["body"], "thinking": {}}}]}, "body.thinking does not belong"),
    ],
)
def test_a_wrong_file_is_a_mistake_of_the_profile(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    """Found before anything is sent, with the place."""
    with pytest.raises(UsageError) as caught:
        loader.load(str(written(tmp_path, **changes)))
    assert told in str(caught.value)
