"""`kvv simulate`: the embedded vendor alone, for any client."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence

from entrypoint.options import Parser, add_faults, add_settings, given
from entrypoint.settings import composition, load
from entrypoint.signals import ENDING
from entrypoint.usecases.simulate import SimulatedVendor, simulated
from kvv_action.digits import counted
from kvv_action.simulator import EmbeddedVendor

EPILOG = """examples:
  kvv simulate --port 8080
  kvv simulate --latency 0.5 --tokens-per-second 40
  kvv simulate --profile kimi-k3 --dataset aime2025=aime25.jsonl --fault truncates-stream=0.1

It knows the answers to the bundled samples, to the datasets given, and to those in the folder of --dataset-cache; with
--holdout, also to the items that the same seed varies. With KVV_API_KEY set, it refuses other keys."""

LONGEST = 3600.0
SLOWEST, FASTEST = 0.1, 100_000.0
USED = ("model", "profile", "dataset", "dataset_cache", "seed", "holdout", "api_key", "allow_dataset_drift")
"""Of the engine's settings; of the benchmarks', those that choose how samples are asked."""


def main(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = Parser(prog="kvv simulate", description="Serve the embedded vendor.", epilog=EPILOG)
    parser.add_argument("--host", default="127.0.0.1", help="Address to listen on. Default: 127.0.0.1.")
    parser.add_argument("--port", type=_port, default=8080, help="Port; 0 takes a free one. Default: 8080.")
    parser.add_argument("--latency", type=_seconds, default=0.0, metavar="SECONDS", help="Wait before each answer.")
    parser.add_argument(
        "--tokens-per-second", type=_speed, default=0.0, metavar="NUMBER",
        help="Write each answer at this speed. Default: at once.",
    )  # fmt: skip
    parser.add_argument(
        "--slow-seconds", type=_seconds, default=3.0, metavar="SECONDS", help="How long the fault slow delays."
    )
    add_faults(parser)
    add_settings(parser, only=(*USED, *composition().named("wording")))
    values = parser.read(argv)
    vendor = simulated(
        load(given(values)), values.fault, latency=values.latency, slow_seconds=values.slow_seconds,
        tokens_per_second=values.tokens_per_second,
    )  # fmt: skip
    return asyncio.run(_serve(vendor, host=values.host, port=values.port))


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


def _speed(text: str) -> float:
    """A number of tokens in a second, for argparse."""
    with contextlib.suppress(ValueError):
        if SLOWEST <= float(text) <= FASTEST:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of tokens, {SLOWEST:g} to {FASTEST:g}")


async def _serve(vendor: SimulatedVendor, *, host: str, port: int) -> int:
    options, book = vendor.options, vendor.book
    stop = asyncio.Event()
    for number in ENDING:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with EmbeddedVendor(options, book, host=host, port=port) as served:
        faults = ", ".join(fault.name for fault in options.faults) or "none"
        sys.stdout.write(
            f"{served.base_url} serves {options.model} ({counted(len(book), 'known answer')}, faults: {faults})\n"
        )
        sys.stdout.flush()
        with contextlib.suppress(asyncio.CancelledError):
            await stop.wait()
    return 0
