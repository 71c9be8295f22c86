"""Long JSON is read in short steps, and says the same as in one."""

import json
import random

import orjson
import pytest

from kvv_action.anomalies import Anomaly
from kvv_action.endpoint import decoding
from kvv_action.endpoint.decoding import Decoded, decode, mended
from kvv_action.schema import Json

PARTS = ["a", '"', "\\", "\n", "人", "😀", "\u2028", "\t", "é", "/", "x" * 5000]
NUMBERS: list[Json] = [0, 1, -5, 1.5, -0.0, 1e300, 2**63, 2**64 - 1, 0.1, True, False, None]


def drawn(draws: random.Random, depth: int = 0) -> Json:
    """A value of any kind."""
    match draws.randrange(5 if depth < 4 else 3):
        case 0 | 1:
            return "".join(draws.choices(PARTS, k=draws.randrange(300)))
        case 2:
            return draws.choice(NUMBERS)
        case 3:
            return [drawn(draws, depth + 1) for _ in range(draws.randrange(6))]
        case _:
            return {str(draws.random()): drawn(draws, depth + 1) for _ in range(draws.randrange(6))}


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any text counts as long."""
    monkeypatch.setattr(decoding, "LONG", 0)


@pytest.mark.usefixtures("always")
def test_values_of_any_kind() -> None:
    """With escapes, without, and with spaces."""
    draws = random.Random(5)
    for _ in range(60):
        value = drawn(draws)
        for text in (orjson.dumps(value), json.dumps(value).encode(), json.dumps(value, indent=1).encode()):
            assert decode(text) == Decoded(value)


@pytest.mark.parametrize(
    "text",
    [
        b'"\\ud83d"', b'"\\ude00\\ud83d"', b"[1e999]", b'"\xff"', b'{"a":1,"a":2}', b' [1] ', b'{"a" : 1}', b'"\x7f"',
        b'{"\\ud83d":1}', b"1" * 19, b"1" * 20, b"-" + b"1" * 20, b"1" * 300, b"[-9223372036854775809]",
        b'"' + b"\\ud83d" * 300 + b'"',
        b'"' + b"a" * 12_288 + b'\\ud83d\\ude00"', b'"' + b"\\ud83d\\ude00" * 700 + b'"',
    ],
)  # fmt: skip
def test_what_is_odd_is_told_alike(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lone surrogates, infinite and very large numbers, bytes that are no UTF-8."""
    short = decode(text)
    monkeypatch.setattr(decoding, "LONG", 0)
    assert decode(text) == short


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b'"abc', b'"\\x"', b'"\\u12"', b'"a\nb"', b"[1,]", b'{"a":1,}', b"NaN", b"1 2", b"[Infinity]",
        b'"\\', b'"\\u', b"01", b"-", b"1.", b".5", b"{a:1}", b"'a'", b"tru", b"[1 2]",
        b"[" * 50_000, b"\xef\xbb\xbf{}", b"[1\xd9\xa1]", b"[1.\xd9\xa1]", b"1" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(text: bytes) -> None:
    """As by a reader of short texts."""
    with pytest.raises(ValueError, match=r"."):
        decode(text)


def test_a_text_of_megabytes() -> None:
    """The usual way in."""
    value = {"text": 'The "quick" fox\n' * 60_000, "more": ["\ud83d"]}
    assert decode(json.dumps(value).encode()) == Decoded(value, Anomaly.LONE_SURROGATE)


@pytest.mark.parametrize("before", [0, 65_535, 65_536, 131_071])
def test_pairs_are_joined_wherever_they_stand(before: int) -> None:
    """Long texts are mended in parts, which cut no pair."""
    assert mended("a" * before + "\ud83d\ude00\ud83d!") == "a" * before + "😀\ufffd!"
