"""A live reference, and runs that must not mix."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from entrypoint.commands import audit
from entrypoint.compose import run_verification
from entrypoint.console import QuietObserver
from entrypoint.settings import load
from kvv_action.ask.contact import ASKED
from kvv_action.errors import UsageError
from kvv_action.github import context
from kvv_action.profiles import loader
from kvv_action.schema import BenchmarkResult
from kvv_action.simulator import AnswerBook, EmbeddedVendor, VendorOptions, parse_fault
from tests.patience import SETTINGS
from tests.pipeline.oddservers import Asked, answered, refusal, served_by
from tests.toolcall.harness import PROFILE, bundled

pytestmark = pytest.mark.pipeline
KEY, REFERENCE_KEY = "sk-endpoint-0123456789", "sk-reference-9876543210"


@contextmanager
def vendor(*faults: str, key: str = KEY, model: str = "served") -> Iterator[str]:
    """An embedded vendor in a thread of its own; gives its URL."""
    bench = bundled()
    book = AnswerBook([(bench.benchmark, bench.samples)])
    specs = tuple(parse_fault(fault) for fault in faults)
    options = VendorOptions(profile=loader.load(PROFILE), model=model, api_key=key, faults=specs)
    loop, ready, urls = asyncio.new_event_loop(), threading.Event(), list[str]()
    stop = asyncio.Event()

    async def serve() -> None:
        async with EmbeddedVendor(options, book) as served:
            urls.append(served.base_url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def run(out: Path, url: str, **settings: str) -> BenchmarkResult:
    """One run of toolcall on the bundled requests."""
    chosen = {
        "base_url": url, "model": "served", "profile": PROFILE, "benchmarks": "toolcall", "precheck": "off",
        "dataset": "toolcall=bundled", "api_key": KEY, "out": str(out), **SETTINGS, **settings,
    }  # fmt: skip
    (result,) = run_verification(load(chosen), QuietObserver()).benchmarks
    return result


def test_a_live_reference_is_asked_the_same(tmp_path: Path) -> None:
    """F1 compares with what it answered, its own key reaches it, neither key is written, and an audit agrees."""
    out = tmp_path / "out"
    with vendor() as url, vendor("never-calls=0.5", key=REFERENCE_KEY, model="official") as other:
        result = run(out, url, reference_base_url=other, reference_model="official", reference_api_key=REFERENCE_KEY)
    assert result.metrics["tool_call_recall"] == 1.0
    assert 0.2 < result.metrics["tool_call_precision"] < 0.8
    assert result.finish_reasons["tool_calls"] == 33
    written = b"".join(path.read_bytes() for path in out.iterdir())
    assert KEY.encode() not in written
    assert REFERENCE_KEY.encode() not in written
    report = orjson.loads((out / "report.json").read_bytes())
    assert report["usage"]["requests"] == 50
    assert report["plan"]["reference"]["model"] == "official"
    assert audit.main([str(out)]) == 0


def test_a_reference_that_fails_leaves_requests_uncompared(tmp_path: Path) -> None:
    """Its failures are not the endpoint's: everything is scored, what has no reference is counted."""
    with vendor() as url, vendor("disconnects=0.3", key=REFERENCE_KEY) as other:
        result = run(
            tmp_path / "out", url, reference_base_url=other, reference_api_key=REFERENCE_KEY, retry_attempts="1",
            stop_after_failures="1000",
        )  # fmt: skip
    assert result.counts.failed == 0
    assert result.metrics["count_without_reference"] > 0
    assert result.metrics["tool_call_f1"] == 1.0


def test_a_reference_that_is_down_ends_the_run(tmp_path: Path) -> None:
    """What was not compared is skipped with that reason; nothing counts as a failure of the endpoint."""
    with vendor() as url:
        result = run(tmp_path / "out", url, reference_base_url="http://127.0.0.1:1/v1")
    assert (result.counts.failed, result.counts.sent) == (0, 0)
    assert any("the reference endpoint is down" in reason.lower() for reason in result.skips)


def test_a_reference_that_refuses_its_key_later_ends_the_run(tmp_path: Path) -> None:
    """The same, when first contact went well."""
    with vendor() as url, served_by(_refusing_after_one) as other:
        reference = f"http://127.0.0.1:{other.port}/v1"
        result = run(tmp_path / "out", url, reference_base_url=reference, reference_api_key=REFERENCE_KEY)
    assert result.counts.failed == 0
    assert any("the reference endpoint" in reason for reason in result.skips)


def _refusing_after_one(asked: Asked) -> bytes:
    return answered(asked) if ASKED.encode() in asked[2] else refusal(401, "Invalid Authentication")


def test_a_reference_with_a_wrong_key_is_refused(tmp_path: Path) -> None:
    """The message names it and its own variable, before any sample is sent."""
    with (
        vendor() as url,
        vendor(key=REFERENCE_KEY) as other,
        pytest.raises(UsageError, match=r"reference-api-key: The reference endpoint .* KVV_REFERENCE_API_KEY"),
    ):
        run(tmp_path / "out", url, reference_base_url=other, reference_api_key="sk-wrong-0123456789")
    assert list((tmp_path / "out").iterdir()) == []


def test_both_keys_are_secrets_of_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The action masks the reference's key as well."""
    monkeypatch.setenv("INPUT_API-KEY", KEY)
    monkeypatch.setenv("INPUT_REFERENCE-API-KEY", REFERENCE_KEY)
    assert set(context.secrets()) == {KEY, REFERENCE_KEY}


@pytest.mark.parametrize(
    "changed",
    [
        {"vendor": "another"},
        {"think_mode": "opensource"},
        {"extra_body": '{"seed": 1}'},
        {"toolcall_mode": "completions"},
        {"reference": "none"},
    ],
)
def test_a_run_is_not_gone_on_with_under_other_settings(changed: dict[str, str], tmp_path: Path) -> None:
    """Vendors, thinking modes, extra bodies, ways to ask and references never mix in one folder."""
    with vendor() as url:
        run(tmp_path / "out", url)
        with pytest.raises(UsageError, match="another run"):
            run(tmp_path / "out", url, **changed)


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    """What was answered is not asked again, and the numbers are those of an unbroken run."""
    out = tmp_path / "out"
    with vendor() as url:
        whole = run(out, url)
        journal = out / "journal.jsonl"
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(lines[:41]) + lines[41][:30])
        again = run(out, url)
    assert again.metrics == whole.metrics
    kinds: Sequence[str] = [orjson.loads(line)["kind"] for line in journal.read_bytes().splitlines()]
    assert kinds.count("answer") <= 52
