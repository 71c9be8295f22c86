"""`kvv simulate`: the embedded vendor alone, for any client."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence

from benchmarks import registry
from entrypoint.commands.demo import PROFILE
from entrypoint.options import Parser, add_settings, given, with_defaults
from entrypoint.prepare import CHOICES, create, load_benchmark, load_profile, options_of
from kvv_action.plan import variants as holdout
from kvv_action.settings import Settings, load
from kvv_action.simulator import AnswerBook, EmbeddedVendor, VendorOptions, parse_fault

EPILOG = """examples:
  kvv simulate --port 8080
  kvv simulate --profile kimi-k3 --dataset aime2025=aime25.jsonl --fault truncates-stream=0.1

It knows the answers of the bundled samples and of the datasets given, with --holdout also those of the items put
another way by the same seed. With KVV_API_KEY set, other keys are refused."""

LONGEST = 3600.0
USED = ("model", "profile", "dataset", "dataset_cache", "seed", "holdout", "api_key", "allow_dataset_drift", *CHOICES)
UNUSED = tuple(name for name in Settings.model_fields if name not in USED)


def main(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = Parser(prog="kvv simulate", description="Serve the embedded vendor.", epilog=EPILOG)
    parser.add_argument("--host", default="127.0.0.1", help="Address to listen on. Default: 127.0.0.1.")
    parser.add_argument("--port", type=_port, default=8080, help="Port; 0 takes a free one. Default: 8080.")
    parser.add_argument("--latency", type=_seconds, default=0.0, metavar="SECONDS", help="Before each answer.")
    parser.add_argument(
        "--slow-seconds", type=_seconds, default=3.0, metavar="SECONDS", help="What the fault slow adds."
    )
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME[=RATE]", help="Serve wrongly, in this way; repeatable."
    )
    add_settings(parser, without=UNUSED)
    values = parser.read(argv)
    faults = tuple(parse_fault(fault) for fault in dict.fromkeys(values.fault))
    settings = load(given(values))
    if not settings.model:
        settings = with_defaults(settings, {"profile": PROFILE})
    profile = load_profile(settings)
    vendor = VendorOptions(
        profile=profile,
        model=settings.model or profile.model,
        api_key=settings.api_key.get_secret_value() or None,
        faults=faults,
        seed=settings.seed,
        latency=values.latency,
        slow_seconds=values.slow_seconds,
    )
    book = _answers(settings)
    return asyncio.run(_serve(vendor, book, host=values.host, port=values.port))


def _port(text: str) -> int:
    """A TCP port, for argparse."""
    if text.isascii() and text.isdigit() and int(text) < 2**16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port, 0 to 65535")


def _seconds(text: str) -> float:
    """A duration, for argparse."""
    with contextlib.suppress(ValueError):
        if 0 <= float(text) <= LONGEST:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, 0 to {LONGEST:g}")


def _answers(settings: Settings) -> AnswerBook:
    """Answers of every benchmark's bundled samples, and of the datasets given."""
    profile = load_profile(settings)
    names = [name for name in registry.IDS if name in profile.benchmarks]
    pairs = []
    settings = settings.model_copy(update={"tier": "full"})  # a smaller tier would know a part of the answers only
    for benchmark in create(names, options_of(settings, settings.model or profile.model)):
        places = ["bundled", settings.dataset[benchmark.id]] if benchmark.id in settings.dataset else ["bundled"]
        for place in places:
            loaded = load_benchmark(benchmark, settings, profile, location=place)
            known = holdout.applied([loaded], settings.holdout, settings.seed)
            pairs += [(item.benchmark, item.samples()) for item in known]
    return AnswerBook(pairs)


async def _serve(options: VendorOptions, book: AnswerBook, *, host: str, port: int) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with EmbeddedVendor(options, book, host=host, port=port) as vendor:
        faults = ", ".join(fault.name for fault in options.faults) or "none"
        sys.stdout.write(f"{vendor.base_url} serves {options.model} ({len(book)} known answers, faults: {faults})\n")
        sys.stdout.flush()
        with contextlib.suppress(asyncio.CancelledError):
            await stop.wait()
    return 0
