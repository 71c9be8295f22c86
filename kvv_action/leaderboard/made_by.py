"""Whether what a record says of how it was made can be: its settings, its user agent, its journal, its workflow."""

import re
from collections.abc import Iterator, Mapping

from kvv_action.digits import figure
from kvv_action.leaderboard.fields import REPOSITORY
from kvv_action.leaderboard.findings import CheckFinding, error, warning
from kvv_action.leaderboard.record import RECORD_VERSION, Record, Setup
from kvv_action.leaderboard.standing import release_of
from kvv_action.plan.variants import BOTH, OFF, VARY
from kvv_action.profiles.thinking import MODES
from kvv_action.schema import MOST_FAILURES

WORDS: Mapping[str, tuple[str, ...]] = {
    "tier": ("smoke", "standard", "full"),
    "contract": ("official", "compatible"),
    "precheck": ("gate", "warn", "off"),
    "holdout": (OFF, VARY, BOTH),
    "think_mode": MODES,
}
"""What the settings of a run can be (`kvv_action.settings`, which judging does not import)."""
NUMBERS = ("run_id", "run_attempt", "run_number")
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)


def impossible(record: Record) -> Iterator[CheckFinding]:
    """What cannot be, whatever was measured."""
    if record.setup is not None:
        yield from _setup(record, record.setup)
        yield from _user_agent(record, record.setup)
    if record.versions is not None and release_of(record.versions.kvv) is None:
        yield error("version", f"kvv {record.versions.kvv} is no version")
    if record.versions is not None and record.versions.commit and not _COMMIT.fullmatch(record.versions.commit):
        yield error("version", f"{record.versions.commit} is no commit")
    yield from _workflow(record.provenance)
    yield from _lines(record)


def _setup(record: Record, setup: Setup) -> Iterator[CheckFinding]:
    """Settings that are one of few words, and shares that nobody may raise."""
    for name, words in WORDS.items():
        if getattr(setup, name) not in words:
            yield error("setup", f"{name} {getattr(setup, name)} is none of {', '.join(words)}")
    if setup.max_failure_rate > MOST_FAILURES:
        rate = f"{figure(100 * setup.max_failure_rate)} %"
        yield error("setup", f"was judged with max-failure-rate {rate}; the most is {figure(100 * MOST_FAILURES)} %")
    if setup.imported and setup.base_url:
        yield error("setup", "was imported from a file, so it cannot name an endpoint")
    if record.schema_version >= RECORD_VERSION and not setup.imported and record.delivery is None:
        yield error("setup", "does not say how answers arrived")


def _user_agent(record: Record, setup: Setup) -> Iterator[CheckFinding]:
    """The second form says the user agent; one that a header brought is none of kvv's own."""
    if record.schema_version >= RECORD_VERSION and not setup.imported and not setup.user_agent:
        yield error("setup", "does not say with which user agent it asked")
    elif not setup.own_user_agent and any(name.lower() == "user-agent" for name in setup.extra_headers):
        yield error("setup", f"says that it asked as {setup.user_agent}, although a header says another user agent")


def _workflow(provenance: Mapping[str, str]) -> Iterator[CheckFinding]:
    """Facts of a workflow have the form that GitHub gives them."""
    for name in NUMBERS:
        if name in provenance and not _NUMBER.fullmatch(provenance[name]):
            yield error("provenance", f"{name} {provenance[name]} is no number")
    repository, workflow = provenance.get("repository", ""), provenance.get("workflow_ref", "")
    if repository and not re.fullmatch(REPOSITORY, repository):
        yield error("provenance", f"{repository} is no repository")
    if workflow and "/.github/workflows/" not in workflow:
        yield error("provenance", f"{workflow} is no workflow")


def _lines(record: Record) -> Iterator[CheckFinding]:
    """A journal has a line for its session, for each request and for each result; tries are counted in one way."""
    usage, delivery = record.usage, record.delivery
    if usage is None or record.evidence is None:
        return
    results = sum(one.counts.sent for one in record.benchmarks if one.counts)
    if record.evidence.journal_lines <= usage.requests + results:
        told = f"a journal of {record.evidence.journal_lines} lines"
        yield warning("evidence", f"{told} cannot hold {usage.requests} requests and {results} results")
    if delivery is None or (record.setup and record.setup.imported):
        return
    tried = usage.attempts - delivery.retries
    if not delivery.requests + delivery.busy <= tried <= usage.requests:
        told = f"{usage.requests} requests with {usage.attempts} tries, {delivery.retries} of them retries"
        seen = f"{delivery.requests} first tries and {delivery.busy} answers of a busy endpoint"
        yield warning("usage", f"{told}, do not agree with {seen}")
