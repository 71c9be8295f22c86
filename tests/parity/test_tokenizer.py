"""Kimi's tokenizer with its real model file, and the counts that Moonshot published."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.precheck.long_prompt import LETTERS, WORDS
from benchmarks.precheck.suites.tokens import TEXTS
from benchmarks.tokenizer import counter, load
from kvv_action.profiles.prompt import counted, rendered
from kvv_action.profiles.token_cases import SUFFIX, TokenCase, names
from kvv_action.profiles.token_cases import load as load_cases

DATA = os.environ.get("KVV_REFERENCE_DATA", "")
pytestmark = [
    pytest.mark.parity,
    pytest.mark.skipif(not DATA, reason="KVV_REFERENCE_DATA is not set: the real records are not here"),
]
MODEL = str(Path(DATA) / "kimi_tokenizer" / "tiktoken.model")
KIMI = load(MODEL) if DATA else None
KNOWN = load_cases("kimi-k3")
RENDERED = [(thinking, effort) for thinking in (True, False) for effort in ("low", "high", "max", "")]


def texts(cases: tuple[TokenCase, ...]) -> Iterator[str]:
    """Every text of the prompts of `cases`, however thinking is asked for."""
    for case in cases:
        for thinking, effort in RENDERED:
            pieces = rendered(case.body, thinking=thinking, effort=effort)
            yield from (piece.text for piece in pieces if not piece.mark)
    yield from TEXTS


def test_the_file_is_whole() -> None:
    """163,584 ranks."""
    assert KIMI is not None
    assert KIMI.n_vocab == 163_584


@pytest.mark.parametrize(
    ("text", "ranks"),
    [
        ("I'll WON'T HelloWorld 1234567 été naïve  \n\n x",
         [65447, 558, 1034, 64833, 47771, 14350, 220, 6694, 12972, 22, 63965, 7915, 44187, 367, 23118, 1288]),
        ("北京はワイド 中文混合abc", [3372, 8831, 59168, 12148, 28697, 220, 16717, 13935, 8497]),
        ("a\u0301b \t\r\n end  ", [64, 37484, 65, 220, 17355, 1565, 256]),
        ("😀 don't", [134750, 222, 4536]),
    ],
)  # fmt: skip
def test_ranks_are_those_of_tiktoken(text: str, ranks: list[int]) -> None:
    """As tiktoken 0.14.0 gives them with this file and the split pattern of tokenization_kimi.py."""
    assert KIMI is not None
    assert KIMI.encode_ordinary(text) == ranks


@given(st.text(max_size=60))
def test_bytes_come_back(text: str) -> None:
    """Nothing is lost or added."""
    assert KIMI is not None
    assert KIMI.decode_bytes(KIMI.encode_ordinary(text)) == text.encode()


def test_the_file_of_cases_holds_the_tokenizer_s_counts() -> None:
    """Every text of every prompt, and the texts on which tokenizers differ."""
    count = counter(MODEL)
    assert {text: count(text) for text in texts(KNOWN.cases)} == dict(KNOWN.texts)


def test_template_and_tokenizer_reach_every_count() -> None:
    """The 52 that were published first, so that counts of further requests can be computed in the same way."""
    count = counter(MODEL)
    reached = {
        case.id: counted(rendered(case.body, thinking=case.thinking, effort=case.effort), count).total()
        for case in KNOWN.cases
    }
    assert reached == {case.id: case.expected for case in KNOWN.cases}
    assert sum(case.suite == "prompt_tokens" for case in KNOWN.cases) == 52


@pytest.mark.parametrize("name", ["cases", "cases.partial"])
def test_the_cases_are_upstream_s(name: str) -> None:
    """Messages, tools, formats and expected counts as they were published."""
    ours = {case.id: case for case in KNOWN.cases}
    for line in (Path(DATA) / "kimi_prompt_tokens" / f"{name}.jsonl").open():
        theirs = json.loads(line)
        case, request = ours[theirs["id"]], theirs["request"]
        assert (case.effort, case.expected) == (request["reasoning_effort"], theirs["expected_prompt_tokens"])
        assert case.body == {key: request[key] for key in case.body}
        assert set(request) - set(case.body) <= {"reasoning_effort", "max_tokens"}


@pytest.mark.parametrize("words", [" the", WORDS, LETTERS])
def test_fillers_cost_a_token_a_word(words: str) -> None:
    """What the probes of growth and of long prompts rely on."""
    count = counter(MODEL)
    assert {count(f" {word}") for word in words.split()} == {1}


def main() -> None:
    """Count the texts of every file of cases again."""
    import kvv_action.profiles

    count = counter(MODEL)
    for name in names():
        path = Path(kvv_action.profiles.__path__[0]) / (name + SUFFIX)
        head, _, _ = path.read_text().partition('  "texts": {')
        counts = {text: count(text) for text in sorted(set(texts(load_cases(name).cases)))}
        lines = [f"    {json.dumps(text, ensure_ascii=False)}: {tokens}" for text, tokens in counts.items()]
        path.write_text(head + '  "texts": {\n' + ",\n".join(lines) + "\n  }\n}\n")


if __name__ == "__main__":
    main()
