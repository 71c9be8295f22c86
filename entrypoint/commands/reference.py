"""`kvv reference`: what an official endpoint answered, as one small file to compare with."""

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from entrypoint.bundling import opened
from entrypoint.options import Parser
from entrypoint.outputs import write_files
from entrypoint.reference_packs import packed, read_pack
from kvv_action.compare.side import read
from kvv_action.errors import Problem, UsageError
from kvv_action.github.context import secrets
from kvv_action.plan.plan import PEER_MARGIN
from kvv_action.plan.reference_pack import PackedBenchmark, ReferencePack, as_bytes, is_pack, merged
from kvv_action.profiles import loader
from kvv_action.profiles.fields import TIERS
from kvv_action.profiles.model import BenchmarkRules, Profile
from kvv_action.redact import Redactor
from kvv_action.report.text import percent, points, visible
from kvv_action.statistics.intervals import one_sided
from kvv_action.verdict.noninferiority import ERROR
from kvv_action.verdict.rules import FALSE_ALARM, pass_margin

EPILOG = """examples:
  kvv run --base-url https://api.moonshot.ai/v1 --model kimi-k3 --tier full --out official
  kvv reference pack official -o kimi-k3.json
  kvv reference pack official-monday official-tuesday kimi-k3.json -o kimi-k3.json
  kvv reference check kimi-k3.json
  kvv run --base-url https://api.example.com/v1 --model kimi-k3 --reference kimi-k3.json

A pack holds which answers were right, item by item, and neither questions nor answers. A run with `reference` compares
each of its answers with those of the pack to the same item, which shows much smaller losses than a published score.
Runs of several days are better than one: endpoints differ from day to day, and the pack knows by how much. A pack can
also stand at an address: --reference https://example.com/kimi-k3.json@sha256:DIGEST"""
USUAL = 0.8
"""Chance with which the smallest loss is shown."""


def main(argv: Sequence[str]) -> int:
    """Make a pack of runs and packs, or tell what one can decide."""
    parser = Parser(prog="kvv reference", description="Make and check reference packs.", epilog=EPILOG)
    actions = parser.add_subparsers(dest="action", metavar="pack|check", required=True, parser_class=Parser)
    pack = actions.add_parser("pack", help="Make one file of runs against an official endpoint.")
    pack.add_argument("runs", nargs="+", metavar="RUN", help="Folder or evidence.tar.gz of a run, or another pack.")
    pack.add_argument("-o", "--out", required=True, metavar="FILE", help="The file to write.")
    check = actions.add_parser("check", help="Tell what a pack can decide at each tier.")
    check.add_argument("pack", metavar="FILE|URL@sha256:DIGEST", help="The pack.")
    values = parser.read(argv)
    return _pack(values.runs, Path(values.out)) if values.action == "pack" else _check(values.pack)


def _pack(names: Sequence[str], out: Path) -> int:
    if out.is_dir():
        raise UsageError([Problem(name="--out", value=str(out), allowed="It is a folder; name the file to write.")])
    pack = merged([_of(name) for name in names])
    data = as_bytes(pack)
    write_files(out.parent, {out.name: data}, Redactor(secrets()))
    sys.stdout.write(f"{visible(str(out), 500)}: {len(data)} bytes, runs: {len(pack.runs)}, sha256:{pack.digest}\n")
    return 0


def _of(name: str) -> ReferencePack:
    if is_pack(name):
        return read_pack(name)
    with opened(Path(name)) as run:
        return packed(read(run.folder))


def _check(name: str) -> int:
    pack = read_pack(name)
    sys.stdout.write("\n".join(visible(line, 500) for line in _told(pack)) + "\n")
    return 0


def _told(pack: ReferencePack) -> Iterator[str]:
    yield f"profile {pack.profile}, used until {pack.expires}, sha256:{pack.digest}"
    for run in pack.runs:
        effort = f" at effort {run.effort}" if run.effort else ""
        yield f"run of {run.day}: {run.model} at {run.vendor}{effort}, kvv {run.version}, journal {run.journal[:12]}"
    profile = loader.load(pack.profile)
    for benchmark, one in pack.benchmarks.items():
        values = one.values
        score, days = percent(math.fsum(values.values()) / len(values)), pack.days(benchmark)
        yield f"{benchmark}: {score} over {len(values)} items, answers to each: {one.epochs}, days: {days}"
        yield from (f"  {line}" for line in _decides(profile, benchmark, one, pack.drift(benchmark)))


def _decides(profile: Profile, benchmark: str, one: PackedBenchmark, drift: float) -> Iterator[str]:
    rules = profile.benchmarks.get(benchmark, BenchmarkRules())
    margin = PEER_MARGIN if rules.margin is None else rules.margin
    if rules.margin is None:
        yield f"the profile has no margin for it: {points(PEER_MARGIN)} points are used"
    for tier in TIERS:
        amount = rules.tiers.get(tier)
        size = min(len(one.values), (amount.limit if amount else None) or len(one.values))
        epochs = (amount.epochs if amount else None) or rules.epochs
        yield f"{tier}: {_decided(one, margin, tier, size * epochs, size, drift)}"


def _decided(one: PackedBenchmark, margin: float, tier: str, answers: int, size: int, drift: float) -> str:
    """What so many answers show of a vendor that equals the pack."""
    noise = math.fsum(value * (1 - value) for value in one.values.values()) / len(one.values)
    error = math.sqrt(noise / answers + noise / (size * one.epochs) + 2 / answers**2 + drift)
    ruled_out = pass_margin(margin, tier)
    passes = 0.5 * math.erfc(-(ruled_out / error - one_sided(ERROR)) / math.sqrt(2))
    shown = margin + (one_sided(FALSE_ALARM) + one_sided(1 - USUAL)) * error
    return (
        f"with {answers} answers, {percent(passes)} of equal vendors pass, which rules out losses above "
        f"{points(ruled_out)} points; a loss of {points(shown)} points fails in {percent(USUAL)} of runs"
    )
