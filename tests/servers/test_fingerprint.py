"""A real model in five number formats: honest deployments stay within the tolerance that half of them set.

`pytest -m servers -s tests/servers/test_fingerprint.py` prints the distances; it takes some minutes of two processors.
"""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from entrypoint.reference_files import read_reference
from entrypoint.usecases import fingerprint as usecase
from kvv_action.fingerprint import discovery
from kvv_action.fingerprint.calibration import calibrated
from kvv_action.fingerprint.comparison import compare_captures
from kvv_action.fingerprint.judgement import FingerprintJudgement, FingerprintVerdict, judge_series
from kvv_action.fingerprint.prefixes import Domain, Prefix, pool
from kvv_action.fingerprint.reference import Reference
from tests.pipeline.command import kvv
from tests.servers import engines

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1800)]

SHORT = 32
"""Prefixes of each domain; the shortest, for a processor reads slowly."""


@dataclass(frozen=True, slots=True)
class Honest:
    """How the model is served."""

    format: str
    threads: int
    slots: int

    @property
    def name(self) -> str:
        return f"{self.format.lower()}-{self.threads}-{self.slots}"


OFFICIAL = Honest("F32", 2, 1)
CALIBRATING = (Honest("F32", 1, 8), Honest("BF16", 2, 1), Honest("F16", 2, 8))
OTHERS = (Honest("F32", 2, 8), Honest("BF16", 1, 8), Honest("F16", 1, 1))
EIGHT, FOUR = Honest("Q8_0", 2, 1), Honest("Q4_0", 2, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("smollm2")


@pytest.fixture(scope="module", autouse=True)
def short_prefixes() -> Iterator[None]:
    """Those of our own that are short and in the model's language."""
    found = list[Prefix]()
    for domain in (Domain.CHAT, Domain.CODE, Domain.MATHS):
        of_domain = [prefix.asked_plainly for prefix in pool() if prefix.domain is domain]
        found += sorted(of_domain, key=lambda one: len(one.text))[:SHORT]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KVV_API_KEY", "EMPTY")
        for module in (usecase, discovery):
            patch.setattr(module, "pool", lambda: tuple(found))
        yield


@pytest.fixture(scope="module")
def reference(folder: Path) -> Reference:
    return captured(folder, OFFICIAL, calls=2)


@pytest.fixture(scope="module")
def judged(folder: Path, reference: Reference) -> dict[Honest, FingerprintJudgement]:
    """Every other deployment, by the tolerance that half of the honest ones set."""
    captures = {
        one: captured(folder, one, like=folder / f"{OFFICIAL.name}.jsonl")
        for one in (*CALIBRATING, *OTHERS, EIGHT, FOUR)
    }
    known = calibrated(reference, [captures[one] for one in CALIBRATING])
    assert known.tolerance is not None
    print(f"\n{len(known.prefixes)} positions, tolerance {known.tolerance.nats:.2g} nats, self-noise {known.noise:.2g}")
    found = {one: judge_series(known, compare_captures(known, capture)) for one, capture in captures.items()}
    for one, judgement in found.items():
        print(f"  {one.name:10} {judgement.nats:.2g} ({judgement.low:.2g} to {judgement.high:.2g}), "
              f"far {judgement.far}: {judgement.verdict}")  # fmt: skip
    for first, second in itertools.combinations((EIGHT, *(one for one in captures if one.format == "BF16")), 2):
        print(f"  {first.name} against {second.name}: {compare_captures(captures[first], captures[second]).nats:.2g}")
    return found


def captured(folder: Path, served: Honest, *, calls: int = 1, like: Path | None = None) -> Reference:
    out = folder / f"{served.name}.jsonl"
    more = ("--like", like) if like else ()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(engines.smollm2(folder, served.format, served.threads, served.slots))
        ran = kvv(
            "fingerprint", "capture", "--base-url", url, "--model", engines.SMALL, "--vendor", served.name, "--calls",
            calls, "--max-connections", served.slots, *more, "-o", out,
        )  # fmt: skip
    assert ran.status == 0, ran
    return read_reference(str(out))


@pytest.mark.parametrize("one", OTHERS, ids=lambda one: one.name)
def test_honest_deployments_are_within_the_tolerance(one: Honest, judged: dict[Honest, FingerprintJudgement]) -> None:
    """Number formats of two bytes, threads and slots: none of these was used to set it."""
    nats = judged[one].nats
    assert nats is not None
    assert nats <= judged[one].tolerance
    assert judged[one].verdict is not FingerprintVerdict.FAIL


def test_four_bits_fail(judged: dict[Honest, FingerprintJudgement]) -> None:
    """By far."""
    assert judged[FOUR].verdict is FingerprintVerdict.FAIL
    assert (judged[FOUR].low or 0) > 10 * judged[FOUR].tolerance


def test_eight_bits_are_told(judged: dict[Honest, FingerprintJudgement]) -> None:
    """They are as near as formats of two bytes may be; the figure is printed, and no verdict is expected."""
    assert judged[EIGHT].nats is not None
    assert judged[EIGHT].nats < (judged[FOUR].nats or 0) / 10
