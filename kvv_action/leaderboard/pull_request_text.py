"""The text of a record's pull request: branch, title and body; untrusted texts are escaped."""

from collections.abc import Iterator

from kvv_action.digits import counted
from kvv_action.github.proposal import Proposal
from kvv_action.leaderboard.record import BenchmarkRecord, Mark, Record, State, dump, path_of
from kvv_action.leaderboard.standing import board_marks
from kvv_action.report.files import sha256
from kvv_action.report.markdown.escape import text
from kvv_action.report.text import percent, seconds
from kvv_action.schema import Severity, Verdict
from kvv_action.verdict.delivery import kinds_in_words

SHOWN = {
    Verdict.PASS: "✅ pass",
    Verdict.FAIL: "❌ fail",
    Verdict.INCONCLUSIVE: "⚠️ inconclusive",
    Verdict.SKIPPED: "⏭️ skipped",
    None: "–",
}
MEANING = {
    Mark.DEMONSTRATION: "a demonstration against an embedded vendor, not a real endpoint",
    Mark.SELF_TEST: "a self-test of the environment; the endpoint was not asked everything",
    Mark.INTERRUPTED: "the run was interrupted",
    Mark.STOPPED: "the run was stopped early",
    Mark.INCONCLUSIVE: "a verdict is inconclusive",
    Mark.SKIPPED: "a benchmark was skipped",
    Mark.SUBSET: "only some samples, epochs or probes were asked",
    Mark.BUNDLED: "bundled samples stand in for a dataset",
    Mark.DRIFT: "a dataset differs from the one that its benchmark declares",
    Mark.LEFT_OUT: "a benchmark of the profile was not asked",
    Mark.ADVISORY: "Pre-Verification did not pass, and was not made to count",
    Mark.VARIED: "varied items were asked instead of the published ones",
    Mark.CHOSEN: "which items are asked was chosen by a setting of a benchmark",
}
"""What each mark means, for people."""


def run_of(record: Record) -> str:
    """The identity of a measured run: one digest over the digests of its plan and of its journal's last line."""
    if record.setup is None or record.evidence is None:
        return sha256(dump(record))
    return sha256(f"{record.setup.plan_digest} {record.evidence.journal_head}".encode())


def branch_of(record: Record) -> str:
    """The branch of the record's pull request; a record knows its run, so everybody finds the pull request."""
    return f"kvv-{record.model.id}-{record.date.replace('-', '')}-{run_of(record)[:12]}"


def marker_of(record: Record) -> str:
    """The hidden line that identifies the pull request of a record's run."""
    return f"<!-- kvv-run: {run_of(record)} -->"


def proposal_of(record: Record, repository: str) -> Proposal:
    """The pull request of a record; everything in it follows from the record.

    Branch and marker depend on the run only. So a new record of the same run (for example with an address) replaces
    the earlier one.

    Args:
        record: the result.
        repository: `owner/name` of the leaderboard.
    """
    return Proposal(
        repository=repository,
        branch=branch_of(record),
        path=path_of(record),
        content=dump(record).decode(),
        message=f"Add a result of {record.model.id} at {record.vendor.id}\n\nRun ended {record.date}.\n",
        title=_title(record),
        body=body_of(record),
        marker=marker_of(record),
    )


def _title(record: Record) -> str:
    verdict = record.verdict.value if record.verdict else "published"
    partial = ", partial" if record.state is State.PARTIAL else ""
    return f"{record.model.id} at {record.vendor.id}: {verdict}{partial} ({record.date})"


def body_of(record: Record) -> str:
    """The pull request's body: what was measured, with which evidence, and how to check it."""
    parts = [
        f"**{text(record.model.title)}** at **{text(record.vendor.name)}**: {SHOWN[record.verdict]}",
        text(record.reason, 500),
        _partial(record),
        _table(record.benchmarks),
        "\n".join(_facts(record)),
        _how_to_check(record),
        marker_of(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _partial(record: Record) -> str:
    if record.state is State.COMPLETE:
        return ""
    reasons = "; ".join(MEANING[mark] for mark in record.marks)
    return f"> [!WARNING]\n> **Partial result**: {reasons}."


def _table(benchmarks: tuple[BenchmarkRecord, ...]) -> str:
    lines = [
        "| Benchmark | Verdict | Score | 95 % interval | Reference | Answers | Failed | Skipped |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_row, benchmarks)])


def _row(one: BenchmarkRecord) -> str:
    interval = "–" if one.interval is None else " to ".join(percent(bound) for bound in one.interval)
    reference = percent(one.reference) + (
        f" − {percent(one.margin)}" if one.reference is not None and one.margin else ""
    )
    failed, skipped = ("–", "–") if one.counts is None else (str(one.counts.failed), str(one.counts.skipped))
    cells = (
        text(one.title), SHOWN[one.verdict], percent(one.score), interval, reference,
        "–" if one.n is None else str(one.n), failed, skipped,
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _facts(record: Record) -> list[str]:
    found = [f"- Run ended {record.date}; the result expires on {record.expires}"]
    if record.setup:
        endpoint = _code(record.setup.base_url) if record.setup.base_url else "none (not asked by this run)"
        found.append(f"- Endpoint {endpoint}, model {_code(record.model.served)}")
        found.append(f"- Tier {text(record.setup.tier)}, contract {text(record.setup.contract)}")
        if record.setup.holdout != "off":
            found.append(f"- holdout {text(record.setup.holdout)}")
        if record.setup.choices:
            chosen = ", ".join(f"{name} {value}" for name, value in record.setup.choices.items())
            found.append(f"- Chosen: {_code(chosen)}")
    if record.usage and record.timing:
        tokens = record.usage.prompt_tokens + record.usage.completion_tokens
        found.append(f"- {counted(record.usage.requests, 'request')}, {tokens} tokens, {seconds(record.timing.wall)}")
    found += _of_all_answers(record)
    if record.versions:
        made = record.versions
        origin = [f", {name} {_code(said)}" for name, said in (("commit", made.commit), ("image", made.image)) if said]
        found.append(f"- kvv {text(made.kvv)}{''.join(origin)}")
    if marked := board_marks(record):
        found.append(f"- Marked: {', '.join(marked)}")
    found.append(f"- Evidence: {_evidence(record)}")
    found.append(f"- Claims to be *{record.trust}*; {_workflow(record)}")
    return found


def _of_all_answers(record: Record) -> Iterator[str]:
    """How answers arrived, and the first of what was found over all of them; nothing where the run did not look."""
    if found := record.delivery:
        kinds = f": {text(kinds_in_words(found.kinds), 300)}" if found.broken else ""
        broken = f"{found.broken} of {counted(found.requests, 'request')} broke"
        share = f"{broken} at the first try ({percent(found.share)}{kinds})"
        yield f"- Delivery {SHOWN[found.verdict]}: {share}"
    told = [one for one in record.findings if one.severity is not Severity.INFORMATION]
    if told:
        more = f"; {len(told) - 1} more" if len(told) > 1 else ""
        yield f"- First finding: {text(told[0].cause, 300)} ({told[0].count} of {counted(told[0].of, 'answer')}){more}"


def _evidence(record: Record) -> str:
    bundle = record.evidence.bundle if record.evidence else None
    if bundle is None:
        return "none attached, so nobody can recompute the scores"
    where = f"at {_code(bundle.url)}" if bundle.url else "on request"
    redacted = ", redacted: its scores cannot be recomputed" if bundle.redacted else ""
    return f"{_code(bundle.sha256)}, {bundle.size} bytes, {where}{redacted}"


def _workflow(record: Record) -> str:
    found = record.provenance
    if not found:
        return "not run by a workflow"
    named = found.get("workflow_ref") or found.get("repository") or "unnamed"
    return f"run {_code(found.get('run_id', '?'))} of workflow {_code(named)}"


def _how_to_check(record: Record) -> str:
    return (
        "<details><summary>Check it yourself</summary>\n\n"
        "```sh\n"
        f"kvv leaderboard check --evidence BUNDLE {path_of(record)}\n"
        "kvv audit BUNDLE\n"
        "```\n\n"
        "The scores are computed again from the evidence's journal, without the endpoint.\n\n</details>"
    )


def _code(value: str) -> str:
    """Untrusted text as code; an HTML element, because backticks cannot be escaped within backticks."""
    return f"<code>{text(value, 300)}</code>"
