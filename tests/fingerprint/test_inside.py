"""Positions inside prompts: many from one request, where a server tells them."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from entrypoint.reference_files import read_reference
from entrypoint.usecases.fingerprint import CaptureResult, capture
from kvv_action.errors import KvvError
from kvv_action.fingerprint.asking import Asking
from kvv_action.fingerprint.calibration import single
from kvv_action.fingerprint.comparison import compare_captures
from kvv_action.fingerprint.inside import MOST_POSITIONS, WAYS, inside_text, salted_texts, steady
from kvv_action.fingerprint.position import Covers, Position, read_inside
from kvv_action.fingerprint.prefixes import Domain, pool
from kvv_action.fingerprint.reference import Reference, merged
from kvv_action.fingerprint.reference_file import as_bytes, parse
from kvv_action.redact import Redactor
from kvv_action.schema import Thinking
from tests.fingerprint.conftest import Vendors
from tests.fingerprint.test_capture import order, settings

ECHO = {
    "choices": [
        {
            "text": "Once upon a",
            "logprobs": {
                "tokens": ["Once", " upon", " a"],
                "token_logprobs": [None, -0.1, -0.2],
                "top_logprobs": [None, {" upon": -0.1, " more": -3.0}, {" a": -0.2}],
            },
        }
    ],
    "usage": {"prompt_tokens": 2, "completion_tokens": 1},
}
BY_ID = {
    "prompt_logprobs": [
        None,
        {"5": {"logprob": -0.1, "rank": 1, "decoded_token": " upon"}, "9": {"logprob": -3.0, "decoded_token": " more"}},
    ],
    "choices": [{"text": " a"}],
}


def test_both_spellings_are_read() -> None:
    """By place in the prompt; nothing can be told of the first token, and what is generated is no prompt."""
    for body in (ECHO, BY_ID, {"choices": [BY_ID]}):
        first, second = read_inside(body)
        assert first is None
        assert second is not None
        assert second.tokens == {b" upon": -0.1, b" more": -3.0}
        assert (second.prompt_tokens, second.covers) == (1, Covers.PROMPT)
    echoed = read_inside(ECHO)[1]
    assert echoed is not None
    assert len(echoed.prompt_ids) == 16


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "{}", {"choices": []}, {"choices": [None]}, {"choices": [{"prompt_logprobs": 7}]},
        {"choices": [{"logprobs": {"tokens": "x", "top_logprobs": []}}], "usage": {"prompt_tokens": 3}},
        {"choices": [{"logprobs": {"tokens": ["a"], "top_logprobs": [{"a": -1}]}}]},
        {"choices": [{"logprobs": {"tokens": [1, 2], "top_logprobs": [None, None]}}], "usage": {"prompt_tokens": 2}},
        {"choices": [{"prompt_logprobs": [{"1": {"logprob": -1.0}}]}]},
    ],
)  # fmt: skip
def test_what_is_not_told_is_nothing(body: Any) -> None:
    """Malformed answers have no positions."""
    assert not any(read_inside(body))


ODD: tuple[Any, ...] = (
    {},
    7,
    {"1": None},
    {"1": {"decoded_token": "a", "logprob": "x"}},
    {"1": {"decoded_token": "a", "logprob": 0}, "2": {"decoded_token": "b", "logprob": 0}},
    {str(number): {"decoded_token": str(number), "logprob": -9} for number in range(300)},
)


@pytest.mark.parametrize("table", ODD)
def test_one_odd_place_leaves_the_others(table: Any) -> None:
    """It is no position, and its neighbours are."""
    listed = [None, table, {"1": {"decoded_token": "a", "logprob": -0.5}}]
    found = read_inside({"choices": [{"prompt_logprobs": listed}]})
    assert found[1] is None
    assert found[2] is not None


def place(*values: float) -> Position:
    return Position(tokens={str(number).encode(): value for number, value in enumerate(values)}, prompt_tokens=1)


def test_places_at_which_repeats_differ_are_dropped() -> None:
    """There the server's own batches and caches show."""
    one, close, other = place(-0.5, -1.5), place(-0.5001, -1.5), place(-0.7, -1.5)
    assert set(steady([None, one, one, one], [None, one, close, other])) == {1, 2}
    assert steady([one], []) == {}


def test_the_most_telling_places_are_kept() -> None:
    """A bounded number of each text; with a reference those that it has."""
    prefix = next(salted_texts("salt"))
    found = {at: place(math.log(0.98) if at % 2 else math.log(0.5), -5.0) for at in range(1, 3 * MOST_POSITIONS)}
    text = inside_text(prefix, found)
    assert text is not None
    assert len(text.positions) == MOST_POSITIONS
    assert all(one.at % 2 == 0 for one in text.positions)
    like = inside_text(prefix, found, [3, 4, 1000])
    assert like is not None
    assert [one.at for one in like.positions] == [3, 4]
    assert inside_text(prefix, {}) is None


def test_texts_have_a_salt_before_them() -> None:
    """So that no server has them in a cache; each is asked as plain text."""
    texts = list(salted_texts("0123abcd"))
    assert all(str(text.messages[0]["content"]).startswith("0123abcd ") for text in texts)
    assert len({text.id for text in texts}) == len(texts) == 24
    for way in WAYS:
        body = way.request("x", Asking(top_p=None)).body
        assert body["prompt"] == "x"
        assert "top_p" not in body
        assert body.get("echo", False) is (way.field == "echo")


def ask(url: str, folder: Path, name: str, like: Reference | None = None, **changes: object) -> CaptureResult:
    wanted = order(folder / name, like=like, inside=True, thinking=Thinking.OFF, **{"calls": 1, **changes})
    return capture(settings(url, name), wanted, Redactor(), len)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inside")


@pytest.fixture(scope="module")
def official(vendors: Vendors, folder: Path) -> Reference:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("entrypoint.usecases.fingerprint.pool", lambda: pool()[:60])
        patch.setattr("kvv_action.fingerprint.inside.TEXTS", 1)
        patch.setattr("kvv_action.fingerprint.inside.DOMAINS", (Domain.CHAT, Domain.CODE))
        return ask(vendors(), folder, "official", positions=24).reference


def test_a_capture_has_positions_inside_prompts(official: Reference, folder: Path) -> None:
    """In the file, for comparisons of captures; a benchmark asks the prefixes alone."""
    count = sum(len(text.positions) for text in official.inside)
    assert count > 40
    assert len(official.with_inside.prefixes) == 24 + count
    assert read_reference(str(folder / "official")) == parse(as_bytes(official), "x")


def test_captures_are_compared_by_them(official: Reference, vendors: Vendors, folder: Path) -> None:
    """Several times as many positions, and the same divergence; merged and taken apart, each session keeps its own."""
    moved = ask(vendors("quantised=0.02"), folder, "moved", official).reference
    series = compare_captures(official.with_inside, moved.with_inside)
    assert len(series.compared) > 60
    assert 0.005 <= series.nats <= 0.05
    both = parse(as_bytes(merged([official, moved])), "x")
    assert {len(one.measured) for text in both.inside for one in text.positions} == {2}
    first, second = single(both)
    assert first.inside
    assert len(first.inside) == len(second.inside) == len(both.inside)
    assert compare_captures(first.with_inside, second.with_inside).nats == pytest.approx(series.nats, rel=0.02)


def test_a_file_with_places_out_of_order_is_refused(official: Reference) -> None:
    """As strictly as everything else in it."""
    text = official.inside[0]
    twice = replace(text, positions=(text.positions[0], text.positions[0]))
    bad = as_bytes(replace(official, inside=(twice,)))
    with pytest.raises(KvvError, match="each place once"):
        parse(bad, "x")
