"""The numbers of a reference pack."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from kvv_action.errors import KvvError
from kvv_action.plan.reference_pack import (
    DRIFT,
    PackedBenchmark,
    PackedRun,
    ReferencePack,
    as_bytes,
    expiry,
    merged,
    parse,
)

FIRST = date(2026, 3, 1)


def pack(
    day: int = 0, *, right: int = 80, items: int = 100, effort: str = "", profile: str = "kimi-k3", **facts: str
) -> ReferencePack:
    """A run of one answer to each item."""
    on = (FIRST + timedelta(days=day)).isoformat()
    run = PackedRun(model="m", vendor="v", day=on, journal=f"{day}-{right}", version="1", effort=effort)
    one = PackedBenchmark(
        version="1", metric=facts.get("metric", "accuracy"), dataset="d", sampling={"temperature": 1.0}, thinking=None,
        runs=((0, 1),), items={f"item-{n}": [float(n < right)] for n in range(items)},
    )  # fmt: skip
    return ReferencePack(profile=profile, expires=expiry(on), runs=(run,), benchmarks={"quiz": one})


def test_a_file_gives_back_what_was_packed() -> None:
    """And its digest."""
    assert parse(as_bytes(pack()), "x") == parse(as_bytes(parse(as_bytes(pack()), "x")), "x")
    assert parse(as_bytes(pack()), "x").digest == pack().digest


def test_runs_join() -> None:
    """Answers stand side by side by item, and a run counts once."""
    joined = merged([pack(0, right=80), pack(1, right=60, items=120), pack(0, right=80)])
    one = joined.benchmarks["quiz"]
    assert (len(joined.runs), one.epochs, joined.days("quiz")) == (2, 2, 2)
    assert (one.items["item-70"], one.items["item-110"]) == ([1.0, 0.0], [None, 0.0])
    assert one.values["item-70"] == 0.5
    assert dict(one.scores()) == {0: 0.8, 1: 0.5}
    assert joined.expires == expiry("2026-03-02")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (pack(1, profile="kimi-k2.6"), "profiles"),
        (pack(1, effort="high"), "efforts"),
        (pack(1, metric="pass@1"), "values of metric"),
    ],
)
def test_what_is_no_one_reference_does_not_join(other: ReferencePack, words: str) -> None:
    """Each with the reason."""
    with pytest.raises(KvvError, match=words):
        merged([pack(), other])


def test_drift_is_estimated_from_eight_days_on() -> None:
    """Before, an endpoint is taken to differ by half a point from day to day; never by less."""
    scores = (80, 84, 76, 80, 83, 77, 82, 78)
    seven, eight = (merged([pack(day, right=scores[day]) for day in range(count)]) for count in (7, 8))
    assert seven.drift("quiz") == pytest.approx(DRIFT**2 * (1 + 1 / 7))
    assert eight.drift("quiz") == pytest.approx(0.02878**2 * (1 + 1 / 8), rel=1e-3)
    steady = merged([pack(day) for day in range(9)])
    assert steady.drift("quiz") == pytest.approx(DRIFT**2 * (1 + 1 / 9))


def test_a_pack_of_a_large_dataset_is_small() -> None:
    """MMMU Pro has 3,460 items; four answers to each."""
    assert len(as_bytes(merged([pack(day, items=3460) for day in range(4)]))) < 300_000


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b'"note":""', b'"note":"", "more":1'),
        lambda data: data.replace(b"[1]", b"[1.0]", 1),
        lambda data: data.replace(b"[1]", b"[0]", 1),
        lambda data: data.replace(b'"expires":"2026', b'"expires":"2036'),
    ],
)
def test_altered_bytes_are_refused(change: Callable[[bytes], bytes]) -> None:
    """Whatever it is."""
    altered = change(as_bytes(pack()))
    assert altered != as_bytes(pack())
    with pytest.raises(KvvError, match="was changed after it was made"):
        parse(altered, "x")


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b"x", b'{"form":"kvv reference pack 1"}'])
def test_what_is_no_pack_is_refused(data: bytes) -> None:
    """With a sentence, not a traceback."""
    with pytest.raises(KvvError, match=r"^x: "):
        parse(data, "x")


@pytest.mark.parametrize("value", [-0.1, 1.5, None])
def test_numbers_that_do_not_fit_are_refused(value: float | None) -> None:
    """Also where the seal fits them."""
    one = pack().benchmarks["quiz"]
    items = {**one.items, "item-0": [value] if value is not None else [1.0, 1.0]}
    forged = ReferencePack(
        profile="kimi-k3", expires="2026-09-01", runs=pack().runs,
        benchmarks={"quiz": PackedBenchmark(
            version="1", metric="accuracy", dataset="d", sampling={}, thinking=None, runs=one.runs, items=items,
        )},
    )  # fmt: skip
    with pytest.raises(KvvError, match="do not fit together"):
        parse(as_bytes(forged), "x")
