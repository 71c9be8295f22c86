"""`kvv leaderboard check`: judge submissions before they are merged."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from benchmarks import registry
from benchmarks.precheck.suites import chosen
from benchmarks.registry import ListedBenchmark
from entrypoint.commands.audit import add_what_evidence_lacks, request_of
from entrypoint.evidence_check import EvidenceVerifier
from entrypoint.options import Parser
from entrypoint.usecases.audit import audit
from kvv_action.benchmark import Options
from kvv_action.errors import Problem, UsageError
from kvv_action.leaderboard import changes
from kvv_action.leaderboard.changes import Change, Kind
from kvv_action.leaderboard.check import CheckContext, check
from kvv_action.leaderboard.check_report import dump, lines, markdown
from kvv_action.leaderboard.known import Known, KnownBenchmark
from kvv_action.leaderboard.made_by import WORDS
from kvv_action.leaderboard.packs import ServedPack, served
from kvv_action.leaderboard.record import LARGEST, RESULTS, Setup
from kvv_action.leaderboard.rules import RULES, Rules, parse
from kvv_action.leaderboard.store import record_files
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from kvv_action.whole_files import write

EPILOG = """examples:
  kvv leaderboard check --base origin/main
  kvv leaderboard check results/acme/kimi-k2.6/20260101-0123456789ab.json --evidence kvv-out
  git fetch origin pull/1/head && kvv leaderboard check --base origin/main --head FETCH_HEAD

--base judges what HEAD, or the commit of --head, changes against that branch. The changes are read from git's objects,
so no file of a pull request has to be checked out. The rules come from the base's leaderboard.toml, so no submission
adds its own vendor. --evidence computes every score again. Evidence that lacks something for that is refused, unless
its texts were taken out (kvv bundle --redact) and the record says so.
Exit status: 0 accepted, 1 refused, 2 cannot be judged."""


def main(argv: Sequence[str]) -> int:
    """Judge the submission and print the findings."""
    values = _parser().read(argv)
    root = Path(values.root)
    found, rules = _found(values.paths, values.base, values.head, root)
    packs = served(root)
    places = [root / one.path for one in packs.values()]
    fetched = sorted(Path(values.fetched).glob("*.tar.gz")) if values.fetched else []
    verifier = EvidenceVerifier(
        evidence=[*(Path(path) for path in values.evidence), *fetched],
        fetched=bool(values.fetched),
        rules=rules,
        attestation=Path(values.attestation) if values.attestation else None,
        trusted_root=Path(values.trusted_root) if values.trusted_root else None,
        audit=lambda folder: audit(replace(request_of(values, folder), packs=places)),
    )
    context = CheckContext(
        rules=rules,
        now=datetime.now(UTC),
        root=root if (root / RESULTS).is_dir() else None,
        known=known_of(packs, rules),
        verify=verifier,
    )
    with closing(verifier):
        report = check(found, context)
    for line in lines(report):
        sys.stdout.write(line + "\n")
    for path, data in ((values.json, dump(report)), (values.markdown, markdown(report).encode())):
        if path:
            write(Path(path), data)
    return 0 if report.accepted else 1


def _parser() -> Parser:
    parser = Parser(prog="kvv leaderboard check", description="Judge submissions to a leaderboard.", epilog=EPILOG)
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH", help="Record files, or a checkout, whose results were taken before.")
    add("--base", default="", metavar="REF", help="Judge what HEAD changes against this branch.")
    add("--head", default="HEAD", metavar="REF", help="With --base: judge this commit instead of HEAD.")
    add("--root", default=".", metavar="DIR", help="Checkout of the leaderboard: its rules and records. Default: here.")
    add(
        "--evidence",
        action="append",
        default=[],
        metavar="BUNDLE|DIR",
        help="Evidence to compute scores from; repeatable.",
    )
    add(
        "--fetched",
        default="",
        metavar="DIR",
        help="Folder with what lies at the addresses that the records name; each of them must be there.",
    )
    add("--attestation", default="", metavar="FILE", help="Attestation bundle, to verify without network.")
    add("--trusted-root", default="", metavar="FILE", help="Sigstore's trusted root, to verify without network.")
    add_what_evidence_lacks(parser.add_argument_group("to score again, as for kvv audit").add_argument)
    add("--json", default="", metavar="FILE", help="Write the findings as JSON.")
    add("--markdown", default="", metavar="FILE", help="Write the findings as a comment.")
    return parser


def _found(paths: Sequence[str], base: str, head: str, root: Path) -> tuple[list[Change], Rules | None]:
    """What to judge, and by which rules.

    Raises:
        UsageError: neither files nor a base were named, or both.
    """
    if bool(paths) == bool(base):
        allowed = "Name files, or give --base; one of the two."
        raise UsageError([Problem(name="kvv leaderboard check", value="", allowed=allowed)])
    if base:
        start, end = changes.between(root, base, head)
        data = changes.at(root, start, RULES)
        return changes.since(root, start, end), parse(data, f"{RULES} of {base}") if data is not None else None
    rules = parse((root / RULES).read_bytes(), str(root / RULES)) if (root / RULES).is_file() else None
    return [change for path in paths for change in _given(Path(path), root)], rules


def _given(path: Path, root: Path) -> list[Change]:
    if path.is_dir():
        taken = (_present(file, file.relative_to(path).as_posix()) for file in record_files(path))
        return [replace(change, taken=True) for change in taken]
    return [_present(path, _place(path, root))]


def _place(path: Path, root: Path) -> str:
    """A file's path in the repository: below the root, or from `results/` on."""
    absolute = path.absolute()
    if absolute.is_relative_to(root.absolute()):
        return absolute.relative_to(root.absolute()).as_posix()
    parts = absolute.parts
    return "/".join(parts[parts.index(RESULTS) :]) if RESULTS in parts else path.name


def _present(path: Path, place: str) -> Change:
    change = Change(path=os.fsencode(place).decode(errors="backslashreplace"), kind=Kind.PRESENT)
    if path.is_symlink():
        return replace(change, mode="120000")
    if not path.is_file():
        return replace(change, problem="there is no such file")
    with path.open("rb") as stream:
        return replace(change, size=path.stat().st_size, data=stream.read(LARGEST + 1))


def known_of(packs: Mapping[str, ServedPack], rules: Rules | None) -> Known:
    """The benchmarks that there are, with their options, data and rules, and the packs of the leaderboard."""
    usable = list(registry.usable())
    return Known(
        board=rules,
        probes=_probes,
        listed={one.id: _listed(one) for one in usable},
        options=registry.askable(),
        pins={one.id: one.code().pins() for one in usable},
        rules={one.id: one.rules for one in usable if one.rules is not None},
        packs=packs,
    )


def _listed(one: ListedBenchmark) -> KnownBenchmark:
    """What never differs between runs of a benchmark; settings choose version and score of some."""
    code = one.code()
    return KnownBenchmark(
        title=one.title, version=vars(code).get("version", ""), metric=vars(code).get("metric", ""), kind=code.kind,
        compares=one.compares, together=any(rule.together is not None for rule in code.score_rules.values()),
        leaves_out=any(name.endswith("_exclude") for name in one.options().model_fields),
        decides=code.published_decides,
    )  # fmt: skip


def _probes(profile: Profile, setup: Setup) -> int:
    """How many probes a whole Pre-Verification has; none for a tier or a way to think that there is not."""
    if setup.tier not in WORDS["tier"]:
        return 0
    try:
        return _counted(profile.name, profile.digest, setup.contract, setup.think_mode, setup.tier)
    except UsageError:
        return 0


@cache
def _counted(name: str, digest: str, contract: str, think_mode: str, tier: str) -> int:
    del digest
    options = Options(contract=contract, think_mode=think_mode, tier=tier)
    return len(chosen(loader.load(name), options))
