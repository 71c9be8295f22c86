"""From evidence to a pull request on a leaderboard; the same for the command line and the container action."""

from dataclasses import dataclass

from benchmarks import registry
from entrypoint.evidence import RunEvidence
from entrypoint.streams import Say
from kvv_action.errors import KvvError, Problem, UsageError
from kvv_action.github.proposal import Operation, Proposed
from kvv_action.leaderboard.convert import marks_of, record_of
from kvv_action.leaderboard.known import OFFICIAL
from kvv_action.leaderboard.pull_request_text import MEANING, proposal_of
from kvv_action.leaderboard.record import Record, dump, load, path_of
from kvv_action.redact import Redactor
from kvv_action.schema import PlannedBenchmark, RunReport, Verdict
from kvv_action.settings import Settings


class NotFit(KvvError):
    """The run is not fit for a leaderboard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What became of a record; `dry` when nothing was sent."""

    record: Record
    proposed: Proposed
    dry: bool = False


def problems_of(settings: Settings) -> list[Problem]:
    """The settings that a submission lacks; found before a run that may take hours."""
    found = []
    if not settings.leaderboard_repo:
        found.append(Problem(name="leaderboard-repo", value="", allowed="Name the repository, as OWNER/NAME."))
    if not settings.leaderboard_token.get_secret_value() and not settings.leaderboard_dry_run:
        allowed = "There is no token: set KVV_LEADERBOARD_TOKEN (or the input) from a secret, or leaderboard-dry-run."
        found.append(Problem(name="leaderboard-token", value="", allowed=allowed))
    return found


def make_record(evidence: RunEvidence, settings: Settings) -> Record:
    """The record of a run that is fit for a leaderboard.

    Raises:
        NotFit: it is incomplete, and the settings do not allow that.
        UsageError: no id follows from the vendor's name.
        KvvError: the record would not be accepted anywhere.
    """
    refuse_unfit(evidence.report, allow_incomplete=settings.leaderboard_allow_incomplete)
    record = record_of(
        evidence.report,
        askable=registry.askable(),
        vendor=settings.leaderboard_vendor,
        bundle=evidence.bundle,
        attested=settings.leaderboard_attested,
    )
    return load(dump(record), path_of(record))


def refuse_unfit(report: RunReport, *, allow_incomplete: bool) -> None:
    """Refuse a run that would mislead readers of a leaderboard.

    Raises:
        NotFit: nothing was measured; the vendor chose the reference; or the run is incomplete and that is not allowed.
    """
    if report.verdict is Verdict.SKIPPED or not any(result.counts.scored for result in report.benchmarks):
        raise NotFit(f"nothing was measured ({report.reason}), so there is nothing to submit")
    packs = report.plan.reference_packs
    own = [
        planned.title for planned in report.plan.benchmarks
        if (planned.peers and planned.id not in packs) or _has_own_reference(planned)
    ]  # fmt: skip
    if own:
        raise NotFit(
            f"not submitted: {', '.join(own)} was compared with a run of your own (reference); a leaderboard compares "
            "with what is published, so run again without reference"
        )
    marks = marks_of(report, registry.askable())
    if marks and not allow_incomplete:
        reasons = "; ".join(MEANING[mark] for mark in marks)
        raise NotFit(
            f"not submitted: {reasons}. leaderboard-allow-incomplete submits it nevertheless, marked as partial"
        )


def _has_own_reference(planned: PlannedBenchmark) -> bool:
    """Whether answers are compared with other answers than the official ones."""
    return bool(planned.against) and planned.dataset.source != "bundled" and not planned.against.startswith(OFFICIAL)


def submit(evidence: RunEvidence, settings: Settings, *, secrets: Redactor, say: Say, show: Say) -> Submitted:
    """Propose a run's record.

    Args:
        evidence: the run.
        settings: where to, and with which token.
        secrets: the keys that no record may hold.
        say: gets lines about progress.
        show: gets the requests of a dry run.

    Raises:
        NotFit, UsageError, GitHubError, KvvError: it is refused or impossible.
    """
    problems = problems_of(settings)
    if problems:
        raise UsageError(problems)
    record = make_record(evidence, settings)
    data = dump(record)
    if secrets.bytes(data) != data:
        raise KvvError(
            "the record would hold a secret (in the vendor's, model's or a setting's name); nothing was sent"
        )
    from kvv_action.github.pull_request import propose
    from kvv_action.github.rehearsal import Rehearsal

    proposal = proposal_of(record, settings.leaderboard_repo)
    if settings.leaderboard_dry_run:
        propose(Rehearsal(settings.leaderboard_api_url, settings.leaderboard_repo, show), proposal)
        return Submitted(record=record, proposed=Proposed(operation=Operation.NONE, note="dry run"), dry=True)
    from kvv_action.github.api import GitHub

    token = settings.leaderboard_token.get_secret_value()
    with GitHub(url=settings.leaderboard_api_url, token=token, tell=say) as api:
        return Submitted(record=record, proposed=propose(api, proposal, tell=say))
