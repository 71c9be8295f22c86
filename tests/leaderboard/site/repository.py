"""A leaderboard's repository with records of several vendors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from kvv_action.leaderboard.record import BenchmarkRecord, ModelId, Record, Trust, VendorId, dump, expiry, path_of
from kvv_action.leaderboard.store import Confirmation, confirmation_path, dump_confirmation
from kvv_action.report.files import sha256
from kvv_action.schema import Verdict
from kvv_action.statistics.intervals import wilson
from tests.leaderboard.records import record

EVIL = (
    '"><script>window.got = 1</script>',
    "'; alert(1) //",
    "{{ 7 * 7 }}",
    "=HYPERLINK(1)",
    "x" * 190,
    "שלום العربية",
)


def score(value: float, benchmark: str = "quiz", *, n: int = 400, **changes: Any) -> BenchmarkRecord:
    """A benchmark with this score."""
    found = record().benchmarks[0]
    usual: dict[str, Any] = {
        "id": benchmark, "title": benchmark.capitalize(), "score": value, "interval": wilson(value, n), "n": n,
    }  # fmt: skip
    return replace(found, **{**usual, **changes})


def result(
    vendor: str, day: str, *scores: BenchmarkRecord, name: str = "", model: str = "kimi-k2.6", **changes: Any
) -> Record:
    """A record of a vendor on a day."""
    timing = replace(record().timing, finished=f"{day}T12:00:00+00:00")  # type: ignore[type-var]
    usual: dict[str, Any] = {
        "vendor": VendorId(id=vendor, name=name or vendor.capitalize()),
        "model": ModelId(id=model, title=model.replace("-", " ").title(), served=model),
        "date": day, "expires": expiry(day), "timing": timing, "benchmarks": scores or (score(0.9),),
    }  # fmt: skip
    return replace(record(), **{**usual, **changes})


def keep(root: Path, *records: Record, trust: Trust | None = None) -> None:
    """Write records where they belong, confirmed when a tier is given."""
    for one in records:
        path = root / path_of(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dump(one))
        if trust is not None:
            said = Confirmation(schema_version=1, sha256=sha256(dump(one)), trust=trust, by="m", date="2026-01-02")
            beside = root / confirmation_path(path_of(one))
            beside.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(dump_confirmation(said))


def filled(root: Path) -> Path:
    """Three vendors with two models, tiers, an expired result, a partial one and hostile names."""
    root.mkdir(exist_ok=True)
    keep(root, result("acme", "2026-03-01", score(0.90), score(0.52, "other")), trust=Trust.RE_RUN)
    keep(root, result("acme", "2026-05-01", score(0.95), score(0.60, "other")))
    keep(
        root,
        result("bolt", "2026-04-01", score(0.70, verdict=Verdict.FAIL), verdict=Verdict.FAIL),
        trust=Trust.ATTESTED,
    )
    keep(root, result("core", "2025-01-01", score(0.92)), result("core", "2026-05-02", model="kimi-k3"))
    for number, evil in enumerate(EVIL):
        keep(
            root, result(f"evil{number}", "2026-04-02", score(0.8 + number / 100, reason=evil), name=evil, reason=evil)
        )
    return root
