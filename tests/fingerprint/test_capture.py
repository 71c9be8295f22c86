"""Captures of embedded vendors over HTTP, with the client of the product."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from entrypoint.kept_answers import part_of
from entrypoint.reference_files import read_reference
from entrypoint.settings import load
from entrypoint.usecases.fingerprint import (
    LEAST_ENTROPY,
    MOST_ENTROPY,
    CaptureOrder,
    CaptureResult,
    capture,
)
from kvv_action.errors import KvvError, UsageError
from kvv_action.fingerprint.asking import Dialect
from kvv_action.fingerprint.comparison import compare_captures
from kvv_action.fingerprint.position import Covers
from kvv_action.fingerprint.prefixes import pool
from kvv_action.fingerprint.reference import Reference
from kvv_action.fingerprint.reference_file import as_bytes
from kvv_action.redact import Redactor
from kvv_action.schema import Thinking
from kvv_action.settings import Settings
from tests.fingerprint.conftest import MODEL, Vendors

KEY = "sk-right-key-1"
SIZE = 24


def settings(base_url: str, vendor: str = "official") -> Settings:
    return load({"base_url": base_url, "model": MODEL, "vendor": vendor, "retry_attempts": "1"}).model_copy(
        update={"api_key": SecretStr(KEY)}
    )


def order(out: Path, **changes: object) -> CaptureOrder:
    given = {"out": out, "calls": 2, "positions": SIZE, **changes}
    return CaptureOrder(**given)  # type: ignore[arg-type]


def ask(
    base_url: str, wanted: CaptureOrder, vendor: str = "official", say: Callable[[str], None] = len
) -> CaptureResult:
    return capture(settings(base_url, vendor), wanted, Redactor([KEY]), say)


@pytest.fixture(scope="module", autouse=True)
def _smaller_pool() -> Iterator[None]:
    """What is chosen from is smaller, so that these tests are quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("entrypoint.usecases.fingerprint.pool", lambda: pool()[:60])
        yield


@pytest.fixture(scope="module")
def official(vendors: Vendors, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    out = tmp_path_factory.mktemp("official") / "official.jsonl"
    ask(vendors(), order(out, thinking=Thinking.OFF))
    return read_reference(str(out))


def test_a_capture_is_a_file_with_telling_prefixes(official: Reference) -> None:
    """From every domain, each with an entropy between, asked twice."""
    domains = Counter(one.prefix.domain for one in official.prefixes)
    assert len(domains) == 6
    assert domains.total() == SIZE
    assert all(LEAST_ENTROPY - 0.05 <= one.position.entropy <= MOST_ENTROPY + 0.05 for one in official.prefixes)
    assert all(one.measured[0].calls == 2 for one in official.prefixes)
    assert official.profile == MODEL
    assert official.noise is not None


def test_it_tells_how_the_endpoint_was_asked(official: Reference) -> None:
    """Pinned sampling, the dialect that was proved, which text was covered."""
    (session,) = official.sessions
    assert (session.asking.temperature, session.asking.top_p) == (0.6, 0.95)
    assert session.asking.dialect is Dialect.COMBINED
    assert session.covers is Covers.CONTENT
    assert any(one.prefix.begun for one in official.prefixes)
    assert "top_p 0.95 instead of 1" in session.note
    assert not session.cut
    assert session.grain == 0


@pytest.mark.parametrize(
    ("faults", "low", "high"),
    [
        ((), 0, 0.0001),
        (("quantised=0.02",), 0.008, 0.04),
        (("other-model",), 0.2, 3),
        (("logprobs-rounded",), 0, 0.0002),
    ],
)
def test_a_capture_of_a_vendor_is_as_far_as_its_model(
    faults: tuple[str, ...], low: float, high: float, official: Reference, vendors: Vendors, tmp_path: Path
) -> None:
    """Asked alike, the same prefixes give the divergence that was built in."""
    result = ask(vendors(*faults), order(tmp_path / "v.jsonl", like=official, thinking=Thinking.OFF), "v")
    assert (result.lost, result.other_prompts) == (0, 0)
    series = compare_captures(official, read_reference(str(tmp_path / "v.jsonl")))
    assert len(series.compared) == SIZE
    assert low <= series.nats <= high


def test_probabilities_after_top_p_are_recognised(official: Reference, vendors: Vendors, tmp_path: Path) -> None:
    """As cut tails, and as those of the temperature that was asked for."""
    cut = ask(vendors("logprobs-after-top-p"), order(tmp_path / "c.jsonl", like=official, thinking=Thinking.OFF), "c")
    assert cut.reference.sessions[0].cut
    assert compare_captures(official, cut.reference).exponent.value == pytest.approx(0.6, abs=0.01)


def test_another_prompt_is_noticed(official: Reference, vendors: Vendors, tmp_path: Path) -> None:
    """A template that greets first has longer prompts everywhere."""
    result = ask(vendors("template-shift"), order(tmp_path / "v.jsonl", like=official, thinking=Thinking.OFF), "v")
    assert result.other_prompts == SIZE


@pytest.mark.parametrize(
    ("fault", "why"), [("no-logprobs", "the answer has no logprobs"), ("logprobs-of-content", "logprobs")]
)
def test_an_endpoint_that_tells_nothing_leaves_no_file(fault: str, why: str, vendors: Vendors, tmp_path: Path) -> None:
    """The reason is given."""
    with pytest.raises(KvvError, match=why):
        ask(vendors(fault), order(tmp_path / "v.jsonl"))
    assert not (tmp_path / "v.jsonl").exists()


def test_a_day_is_added(official: Reference, vendors: Vendors, tmp_path: Path) -> None:
    """The file has both sessions, at the prefixes of the first."""
    result = ask(
        vendors("noisy=0.0003"), order(tmp_path / "v.jsonl", like=official, added=True, thinking=Thinking.OFF), "later"
    )
    found = read_reference(str(tmp_path / "v.jsonl"))
    assert as_bytes(found) == as_bytes(result.reference)
    assert [session.vendor for session in found.sessions] == ["official", "later"]
    assert found.calls == 4


class _Killed(Exception):
    """What ends a capture half way."""


def test_an_interrupted_capture_goes_on(official: Reference, vendors: Vendors, tmp_path: Path) -> None:
    """No answer is asked for twice, and nothing of it shows in the result."""
    out, told = tmp_path / "v.jsonl", list[str]()
    wanted = order(out, like=official, thinking=Thinking.OFF)

    def killer(line: str) -> None:
        if line.startswith("12 of"):
            raise _Killed

    with pytest.raises(_Killed):
        ask(vendors(), wanted, say=killer)
    part = part_of(out)
    kept = part.read_bytes()
    assert KEY.encode() not in kept
    part.write_bytes(kept + b'{"key":"torn')
    ask(vendors(), wanted, say=told.append)
    assert told[0] == f"going on with {len(kept.splitlines()) - 1} answers of v.jsonl.part"
    assert any(line.endswith("prefixes 1 more time") for line in told), told
    assert not part.exists()
    whole = read_reference(str(out))
    assert [one.prefix for one in whole.prefixes] == [one.prefix for one in official.prefixes]
    assert all(one.measured[0].calls == 2 for one in whole.prefixes)
    assert compare_captures(official, whole).nats < 0.0001


def test_answers_of_another_capture_are_not_used(official: Reference, vendors: Vendors, tmp_path: Path) -> None:
    """What is left of one with other settings must be removed by hand."""
    out = tmp_path / "v.jsonl"
    part_of(out).write_bytes(b'{"capture":"0123"}\n')
    with pytest.raises(UsageError, match="belongs to another capture"):
        ask(vendors(), order(out, like=official))
    assert part_of(out).exists()


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    """Missing, a folder, or something else."""
    (tmp_path / "x").write_text("hello\n")
    for name, why in (("nothing", "No such file"), ("", "Is a directory"), ("x", "is no fingerprint reference")):
        with pytest.raises(KvvError, match=why):
            read_reference(str(tmp_path / name))
