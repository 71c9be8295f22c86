"""What makers published, as records."""

import pytest

from kvv_action.leaderboard.published import published
from kvv_action.leaderboard.record import Origin, Record, dump, load, path_of

RECORDS = published()


def of(model: str, vendor: str) -> Record:
    """One record."""
    (found,) = [one for one in RECORDS if (one.model.id, one.vendor.id) == (model, vendor)]
    return found


@pytest.mark.parametrize("record", RECORDS, ids=path_of)
def test_each_is_a_record_that_is_never_called_measured(record: Record) -> None:
    """Read as strictly as any other; without verdict, interval or evidence, with its source."""
    assert load(dump(record)) == record
    assert record.origin is Origin.PUBLISHED
    assert record.source is not None
    assert record.source.publisher == "Moonshot AI"
    assert (record.verdict, record.evidence, record.setup) == (None, None, None)
    assert all((one.verdict, one.interval) == (None, None) for one in record.benchmarks)


def test_all_published_rows_are_there() -> None:
    """15 vendors of K2 Thinking, 5 of K2 0905, 8 of K3; each file has a place of its own."""
    assert [
        sum(one.model.id == model for one in RECORDS) for model in ("kimi-k2-thinking", "kimi-k2-0905", "kimi-k3")
    ] == [15, 5, 8]
    assert len({path_of(one) for one in RECORDS}) == len(RECORDS)


@pytest.mark.parametrize(
    ("vendor", "accuracy"),
    [("infiniai", 99.89), ("siliconflow", 98.96), ("gmicloud", 95.95), ("atlascloud", 95.74), ("sglang", 95.52),
     ("vllm", 87.22), ("parasail", 87.14), ("deepinfra", 86.91), ("googlevertex", 85.76), ("together", 84.63),
     ("novitaai", 96.46), ("chutes", 83.05)],
)  # fmt: skip
def test_schema_accuracy_is_as_published(vendor: str, accuracy: float) -> None:
    """The share follows from the published counts, and equals the published percentage."""
    (toolcall,) = of("kimi-k2-thinking", vendor).benchmarks
    assert round(100 * toolcall.metrics["schema_accuracy"], 2) == pytest.approx(accuracy, abs=0.011)


def test_a_bound_is_not_a_score() -> None:
    """Where only `at least` was published there is no number."""
    (bounded,), (scored,) = of("kimi-k2-thinking", "vllm").benchmarks, of("kimi-k2-thinking", "chutes").benchmarks
    assert (bounded.score, bounded.note) == (None, "tool_call_f1 at least 0.73")
    assert (scored.score, scored.note) == (0.681, "")


def test_what_was_not_published_is_missing() -> None:
    """DigitalOcean has two scores."""
    assert [one.id for one in of("kimi-k3", "digitalocean").benchmarks] == ["ocrbench", "mmmu_pro"]
    assert [one.score for one in of("kimi-k3", "baseten").benchmarks] == [0.889, 0.804, 0.3219, 0.693]
