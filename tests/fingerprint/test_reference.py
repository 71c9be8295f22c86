"""References: captures, days merged, their noise, the file, and the tolerance from honest deployments."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import orjson
import pytest

from kvv_action.errors import KvvError
from kvv_action.fingerprint.asking import Asking
from kvv_action.fingerprint.calibration import LEAST_NATS, TIMES, calibrated
from kvv_action.fingerprint.comparison import compare_captures
from kvv_action.fingerprint.reference import Reference, captured, merged
from kvv_action.fingerprint.reference_file import FORM, as_bytes, digest, parse
from tests.fingerprint.worlds import START, Deployment, capture, moved, prefixes, session, world

DAY = 86_400
SIZE = 40


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return world(np.random.default_rng(1), SIZE)


@pytest.fixture(scope="module")
def days(truth: np.ndarray) -> list[Reference]:
    random = np.random.default_rng(2)
    return [
        capture(random, Deployment(logs=moved(random, truth, 0.0002)), calls=4, started=START + DAY * day)
        for day in range(3)
    ]


@pytest.fixture(scope="module")
def honest(truth: np.ndarray) -> list[Reference]:
    random = np.random.default_rng(3)
    return [
        capture(random, Deployment(logs=moved(random, truth, nats)), calls=2, vendor=f"honest-{nats}")
        for nats in (0.0001, 0.0003, 0.0006)
    ]


@pytest.fixture(scope="module")
def whole(days: list[Reference], honest: list[Reference]) -> Reference:
    """Of three days, calibrated, as it comes from its file."""
    return parse(as_bytes(calibrated(merged(days), honest)), "whole.jsonl")


def test_a_file_gives_the_same_reference_and_the_same_bytes(whole: Reference) -> None:
    """Canonical: what is read is written as the same bytes, whose digest names it."""
    data = as_bytes(whole)
    again = parse(data, "x")
    assert again == whole
    assert as_bytes(again) == data
    assert digest(again) == digest(whole)


def test_the_header_says_what_it_is(whole: Reference) -> None:
    """Model, days, sampling, calls, tolerance and its evidence, in the first line."""
    header = orjson.loads(as_bytes(whole).split(b"\n")[0])
    assert header["form"] == FORM
    assert header["prefixes"] == SIZE
    assert [one["asking"]["temperature"] for one in header["sessions"]] == [1.0] * 3
    assert len(header["tolerance"]["evidence"]) == 9
    assert whole.calls == 12
    assert [one.day for one in whole.sessions] == ["2025-11-24", "2025-11-25", "2025-11-26"]
    assert not whole.expired("2026-05-24")
    assert whole.expired("2026-05-25")


def test_positions_are_means_over_all_days(whole: Reference) -> None:
    """With the weight of their calls, and a deviation for each token."""
    one = whole.prefixes[0]
    token = max(one.position.tokens, key=one.position.tokens.__getitem__)
    means = [measured.position.tokens[token] for measured in one.measured]
    assert one.position.tokens[token] == pytest.approx(sum(means) / 3)
    assert all(0 < measured.deviations[token] < 0.1 for measured in one.measured)


def test_self_noise_is_the_larger_of_within_a_day_and_between_days(days: list[Reference], whole: Reference) -> None:
    """A call differs less from the others of its day than days differ from each other."""
    assert days[0].noise is not None
    assert whole.noise is not None
    assert days[0].noise == pytest.approx(0.0001, rel=0.5)
    assert whole.noise > days[0].noise
    once = capture(np.random.default_rng(4), Deployment(logs=world(np.random.default_rng(5), 30)), calls=1)
    assert once.noise is None


def test_a_session_that_two_files_have_counts_once(days: list[Reference]) -> None:
    """Merging is safe to repeat."""
    both = merged(days[:2])
    assert merged([both, days[1], days[0]]) == both
    assert len(merged([both, *days]).sessions) == 3


def test_a_prefix_stays_where_prompts_are_equal(truth: np.ndarray, days: list[Reference]) -> None:
    """A day on which the template was another one leaves too few prefixes."""
    random = np.random.default_rng(6)
    other = capture(random, Deployment(logs=truth, prompt_tokens=51), started=START + 9 * DAY)
    with pytest.raises(KvvError, match="--like FIRST"):
        merged([days[0], other])


def test_captures_of_different_kinds_are_no_one_reference(days: list[Reference]) -> None:
    """Neither of another model, nor with another sampling, nor by another profile."""
    other = days[1].sessions[0]
    cold = replace(days[1], sessions=(replace(other, asking=Asking(temperature=0.6)),))
    with pytest.raises(KvvError, match="temperatures"):
        merged([days[0], cold])
    with pytest.raises(KvvError, match="models"):
        merged([days[0], replace(days[1], sessions=(replace(other, model="n"),))])
    with pytest.raises(KvvError, match="profiles"):
        merged([days[0], replace(days[1], profile="other")])


def test_the_tolerance_is_three_times_the_largest_honest_difference(whole: Reference, honest: list[Reference]) -> None:
    """On every day against every deployment; the evidence stands beside it."""
    assert whole.tolerance is not None
    assert whole.tolerance.nats == TIMES * whole.tolerance.largest
    assert max(whole.tolerance.evidence, key=lambda one: one.nats).vendor == "honest-0.0006"
    assert {one.against for one in whole.tolerance.evidence} == {"2025-11-24", "2025-11-25", "2025-11-26"}
    assert 0 < whole.tolerance.far_share < 0.03
    assert merged([whole, *honest[:0]]).tolerance == whole.tolerance


def test_the_tolerance_has_a_floor(truth: np.ndarray) -> None:
    """Deployments that agree to the last digit would fail whoever has another number format of the activations."""
    random = np.random.default_rng(7)
    same = [capture(random, Deployment(logs=truth, noise=1e-9), vendor=name) for name in ("a", "b", "c")]
    found = calibrated(capture(random, Deployment(logs=truth, noise=1e-9)), same)
    assert found.tolerance is not None
    assert found.tolerance.nats == LEAST_NATS


def test_two_deployments_are_too_few(whole: Reference, honest: list[Reference]) -> None:
    """Three captures of one vendor are one deployment."""
    for captures in (honest[:2], [honest[0]] * 3):
        with pytest.raises(KvvError, match="at least 3 honest deployments"):
            calibrated(whole, captures)


def test_a_deployment_with_another_prompt_is_named(
    truth: np.ndarray, whole: Reference, honest: list[Reference]
) -> None:
    """It cannot be honest evidence."""
    other = capture(np.random.default_rng(8), Deployment(logs=truth, prompt_tokens=51), vendor="templated")
    with pytest.raises(KvvError, match=f"templated: 0 prefixes .*{SIZE} have another prompt"):
        calibrated(whole, [*honest[:2], other])


def test_a_day_that_is_added_ends_the_calibration(whole: Reference, truth: np.ndarray) -> None:
    """The tolerance was measured against other days."""
    fresh = capture(np.random.default_rng(9), Deployment(logs=truth), started=START + 30 * DAY)
    assert merged([whole, fresh]).tolerance is None


def test_a_stored_capture_is_compared_like_answers(whole: Reference, truth: np.ndarray) -> None:
    """Its means are one asking each."""
    random = np.random.default_rng(10)
    far = capture(random, Deployment(logs=moved(random, truth, 0.1)), vendor="far")
    assert compare_captures(whole, far).nats > 0.03
    assert compare_captures(whole, whole).nats < 1e-6
    assert len(compare_captures(whole, far).compared) == SIZE


Change = Callable[[bytes], bytes]


def _line(number: int, change: Callable[[dict], None]) -> Change:  # type: ignore[type-arg]
    def changed(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        content = orjson.loads(lines[number])
        change(content)
        lines[number] = orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
        return b"".join(lines)

    return changed


def _put(*path: str | int, value: object) -> Callable[[dict], None]:  # type: ignore[type-arg]
    def put(content: dict) -> None:  # type: ignore[type-arg]
        *before, last = path
        for name in before:
            content = content[name]  # type: ignore[index]
        content[last] = value  # type: ignore[index]

    return put


BAD: dict[str, tuple[Change, str]] = {
    "empty": (lambda _: b"", "is no fingerprint reference"),
    "no JSON": (lambda _: b"hello\n", "its first line is no header"),
    "another form": (_line(0, _put("form", value="kvv reference pack 1")), "its form is 'kvv reference pack 1'"),
    "a later form": (_line(0, _put("form", value="kvv fingerprint reference 2")), "this version reads"),
    "a prefix is gone": (lambda data: b"".join(data.splitlines(keepends=True)[:-1]), "has 39 lines"),
    "a number was changed": (_line(3, _put("measured", 0, "tokens", 0, 1, value=-0.123)), "was changed"),
    "the tolerance was changed": (_line(0, _put("tolerance", "nats", value=1.0)), "was changed"),
    "a probability above 1": (_line(2, _put("measured", 0, "tokens", 0, 1, value=0.5)), "measured.0.tokens.0.1"),
    "probabilities above 1 together": (
        _line(2, _put("measured", 0, "tokens", value=[["YQ==", 0.0, 0.0], ["Yg==", 0.0, 0.0]])), "at most 1 together"
    ),
    "a token twice": (
        _line(2, _put("measured", 0, "tokens", value=[["YQ==", -1.0, 0.0], ["YQ==", -2.0, 0.0]])), "each token once"
    ),
    "a token that is no base64": (_line(2, _put("measured", 0, "tokens", 0, 0, value="?")), "no base64"),
    "an unknown key": (_line(2, _put("secret", value=1)), "line 3: secret"),
    "an unknown domain": (_line(2, _put("prefix", "domain", value="poems")), "line 3: prefix.domain"),
    "a session that is not there": (_line(2, _put("measured", 0, "session", value=7)), "one of the 3 sessions"),
    "a session twice": (_line(2, _put("measured", 0, "session", value=1)), "each once"),
    "no session": (_line(0, _put("sessions", value=[])), "line 1: sessions"),
    "a day that is none": (_line(0, _put("expires", value="soon")), "expires must be a day"),
    "text for a number": (_line(0, _put("sessions", 0, "calls", value="4")), "line 1: sessions.0.calls"),
    "a message without content": (_line(2, _put("prefix", "messages", 0, value={"role": "user"})), "a role and"),
    "a prefix twice": (_line(2, _put("prefix", "id", value="t-000")), "two prefixes with one id"),
    "a prefix with a path for an id": (_line(2, _put("prefix", "id", value="../x")), "line 3: prefix.id"),
    "deep nesting": (lambda _: b"[" * 100_000, "is no fingerprint reference"),
    "white space": (lambda data: data + b"\n", "has 41 lines"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_what_and_where(name: str, whole: Reference) -> None:
    """A reference decides verdicts: nothing in it is guessed."""
    change, message = BAD[name]
    with pytest.raises(KvvError) as caught:
        parse(change(as_bytes(whole)), "ref.jsonl")
    assert str(caught.value).startswith("ref.jsonl")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_huge_file_is_not_read(monkeypatch: pytest.MonkeyPatch, whole: Reference) -> None:
    """There is a bound, and it is said."""
    monkeypatch.setattr("kvv_action.fingerprint.reference_file.LARGEST", 1000)
    with pytest.raises(KvvError, match="larger than 1000 bytes"):
        parse(as_bytes(whole), "ref.jsonl")


def test_tokens_of_any_bytes_survive() -> None:
    """Half characters, quotes and zeros are tokens, too."""
    from kvv_action.fingerprint.position import Position

    tokens = {b"\xe4\xbd": -1.0, b'"\n\\': -2.0, b"\0": -3.0, "\N{SNOWMAN}".encode(): -4.0}
    made = captured("p", session(), [(prefixes(1)[0], [Position(tokens=tokens, listed=4, prompt_tokens=1)])])
    assert parse(as_bytes(made), "x").prefixes[0].position.tokens == tokens
