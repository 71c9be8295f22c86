"""`kvv reference`: what an official endpoint answered, as one small file to compare with."""

import math
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from entrypoint.bundling import opened
from entrypoint.options import Parser
from entrypoint.outputs import write_files
from entrypoint.prepare import rules_beside
from entrypoint.reference_packs import packed, read_pack, runs_of
from kvv_action.compare.side import read
from kvv_action.digits import counted
from kvv_action.errors import Problem, UsageError
from kvv_action.github.attestation import AttestationOutcome, Expected, verify
from kvv_action.github.context import secrets
from kvv_action.plan.plan import PEER_MARGIN, ReferenceRun, asks_by_strata
from kvv_action.plan.reference_pack import ReferencePack, as_bytes, is_pack, merged
from kvv_action.plan.strata import BORDER, NAMES, SURE, strata_of
from kvv_action.profiles import loader
from kvv_action.profiles.model import BenchmarkRules, Profile, TierRules
from kvv_action.redact import Redactor
from kvv_action.report.text import percent, points, visible
from kvv_action.schema import TIERS
from kvv_action.statistics.power import USUAL
from kvv_action.verdict.noninferiority import planned_design

EPILOG = """examples:
  kvv run --base-url https://api.moonshot.ai/v1 --model kimi-k3 --tier full --out official
  kvv reference pack official -o kimi-k3.json
  kvv reference pack official-monday official-tuesday kimi-k3.json -o kimi-k3.json
  kvv reference check kimi-k3.json
  kvv run --base-url https://api.example.com/v1 --model kimi-k3 --reference kimi-k3.json

A pack holds which answers were right, item by item, and neither questions nor answers. A run with `reference` compares
each of its answers with those of the pack to the same item, which shows much smaller losses than a published score.
Runs of several days are better than one: endpoints differ from day to day, and the pack knows by how much. A pack can
also stand at an address: --reference https://example.com/kimi-k3.json@sha256:DIGEST

exit status of check: 0; where a signer is named, 1 if that workflow did not attest the pack, 3 if nobody could tell"""

ATTESTED = (
    ("--signer", "OWNER/NAME/.github/workflows/FILE.yml", "Verify that this workflow attested the pack (needs gh)."),
    ("--repository", "OWNER/NAME", "Repository whose run was attested. Default: that of the workflow."),
    ("--attestation", "FILE", "Attestation bundle, to verify without network."),
    ("--trusted-root", "FILE", "Sigstore's trusted root, to verify without network."),
)
"""Options of `check` about who attested a pack."""


def main(argv: Sequence[str]) -> int:
    """Make a pack of runs and packs, or tell what one can decide."""
    parser = Parser(prog="kvv reference", description="Make and check reference packs.", epilog=EPILOG)
    actions = parser.add_subparsers(dest="action", metavar="pack|check", required=True, parser_class=Parser)
    pack = actions.add_parser("pack", help="Make one file of runs against an official endpoint.")
    pack.add_argument("runs", nargs="+", metavar="RUN", help="Folder or evidence.tar.gz of a run, or another pack.")
    pack.add_argument("-o", "--out", required=True, metavar="FILE", help="The file to write.")
    check = actions.add_parser("check", help="Tell what a pack can decide at each tier.")
    check.add_argument("pack", metavar="FILE|URL@sha256:DIGEST", help="The pack.")
    for name, metavar, text in ATTESTED:
        check.add_argument(name, default="", metavar=metavar, help=text)
    values = parser.read(argv)
    if values.action == "pack":
        return _pack(values.runs, Path(values.out))
    known = read_pack(values.pack)
    sys.stdout.write("\n".join(visible(line, 500) for line in _told(known)) + "\n")
    return _signed(known, values) if values.signer else 0


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


def _signed(pack: ReferencePack, values: Namespace) -> int:
    """Verify that a workflow attested the file, as it attests evidence (`actions/attest-build-provenance`)."""
    expected = Expected(
        sha256=pack.digest, repository=values.repository or "/".join(values.signer.split("/")[:2]),
        signers=[values.signer], bundle=Path(values.attestation) if values.attestation else None,
        trusted_root=Path(values.trusted_root) if values.trusted_root else None,
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        file = Path(folder) / "pack.json"
        file.write_bytes(as_bytes(pack))
        done = verify(file, expected)
    match done.outcome:
        case AttestationOutcome.VERIFIED:
            told, status = f"attested: signed by {done.signer} in {done.run}", 0
        case AttestationOutcome.REFUSED:
            told, status = f"not attested by {values.signer}: {done.reason}", 1
        case AttestationOutcome.UNAVAILABLE:
            told, status = f"attestation not verified: {done.reason}", 3
    sys.stdout.write(visible(told, 500) + "\n")
    return status


def _told(pack: ReferencePack) -> Iterator[str]:
    yield f"profile {pack.profile}, used until {pack.expires}, sha256:{pack.digest}"
    for run in pack.runs:
        effort = f" at effort {run.effort}" if run.effort else ""
        yield f"run of {run.day}: {run.model} at {run.vendor}{effort}, kvv {run.version}, journal {run.journal[:12]}"
    profile, runs = loader.load(pack.profile), runs_of(pack)
    for benchmark, one in pack.benchmarks.items():
        values = one.values
        score, days = percent(math.fsum(values.values()) / len(values)), pack.days(benchmark)
        yield f"{benchmark}: {score} over {counted(len(values), 'item')}, answers to each: {one.epochs}, days: {days}"
        yield from (f"  {line}" for line in _decides(profile, runs[benchmark]))


def _decides(profile: Profile, run: ReferenceRun) -> Iterator[str]:
    rules = profile.benchmarks.get(run.planned.id, BenchmarkRules())
    if rules.margin is None:
        yield f"the profile has no margin for it: {points(PEER_MARGIN)} points are used"
    for tier in TIERS:
        yield f"{tier}: {_decided(run, tier, rules)}"


def _decided(run: ReferenceRun, tier: str, rules: BenchmarkRules) -> str:
    """What a tier shows of a vendor that equals the pack."""
    amount, values = rules.tiers.get(tier, TierRules()), run.values
    ids, size = list(values), min(len(values), amount.limit or len(values))
    strata = strata_of(run.several, ids, 0) if asks_by_strata(tier, amount.limit) and run.several else None
    planned = replace(
        run.planned, samples=len(strata.asked) if strata else size, epochs=amount.epochs or rules.epochs,
        dataset=replace(run.planned.dataset, pinned=True), reference=run.reference, peers=tuple(values.values()),
        margin=PEER_MARGIN if rules.margin is None else rules.margin,
    )  # fmt: skip
    name = planned.id
    judged = rules_beside(tier, [planned], {name: run}, {name: strata} if strata else {}).of(name)
    design = planned_design(replace(planned, peers=planned.peers[:size]), 1, judged)
    assert design is not None
    asked = [f"{strata.asked.count(name)} {NAMES[name]} items" for name in (BORDER, SURE)] if strata else []
    items = f"; it asks {' and '.join(asked)}" if asked else ""
    shown = design.detectable()
    fails = f"a loss of {points(shown)} points fails in {percent(USUAL)} of runs" if shown else "no loss is shown"
    return (
        f"with {planned.samples * planned.epochs} answers, {percent(design.passes())} of equal vendors pass, "
        f"which rules out losses above {points(design.passing)} points; {fails}{items}"
    )
