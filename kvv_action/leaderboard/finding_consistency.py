"""Checks that delivery and findings of a record follow from their numbers, by the rules that judge a run."""

from collections.abc import Iterator, Sequence

from kvv_action import __version__
from kvv_action.digits import figure
from kvv_action.leaderboard.findings import CheckFinding, about, error, warning
from kvv_action.leaderboard.record import DeliveryRecord, FindingRecord, Record
from kvv_action.leaderboard.standing import is_newer
from kvv_action.schema import MOST_BROKEN_TRIES, Severity, Verdict
from kvv_action.verdict.delivery import BROKEN, cause_of_delivery, limits, may_be_cut_after, verdict_of
from kvv_action.verdict.known_causes import explained, is_delivery, severity_by_rule

EQUAL = 1e-5
"""Limits in a report are rounded."""
MOST_REQUESTS = 10**7
"""The most requests for which limits are computed; no run has so many."""


def unfounded(record: Record) -> Iterator[CheckFinding]:
    """Contradictions in the delivery and the findings of a record."""
    requests = record.usage.requests if record.usage else 0
    if record.delivery is not None:
        yield from about("delivery", _delivery(record.delivery, requests))
    names = [one.cause_id for one in record.findings]
    if len(set(names)) != len(names):
        yield error("findings", "has a finding twice")
    asked = {one.id for one in record.benchmarks}
    newer = record.versions is not None and is_newer(record.versions.kvv, __version__)
    for one in record.findings:
        yield from about(one.cause_id, _finding(one, record.findings, requests, asked, newer=newer))
    yield from _together(record)


def _delivery(found: DeliveryRecord, requests: int) -> Iterator[CheckFinding]:
    refused = [*_counts(found, requests)]
    yield from refused
    if refused:
        return
    if found.limit > MOST_BROKEN_TRIES:
        most = f"{figure(100 * MOST_BROKEN_TRIES)} %"
        yield error("findings", f"was judged with max-broken-tries {figure(100 * found.limit)} %; the most is {most}")
    wrong = [
        *_rates(found),
        *(
            abs(given - right) > EQUAL
            for given, right in zip(found.interval, limits(found.broken, found.requests), strict=True)
        ),
    ]
    if any(wrong):
        yield error("findings", f"its shares do not follow from {found.broken} of {found.requests} requests")
    expected = verdict_of(found)
    if found.verdict is not expected:
        yield error("findings", f"is {found.verdict}, although its numbers make it {expected}")


def _counts(found: DeliveryRecord, requests: int) -> Iterator[CheckFinding]:
    if not found.broken <= found.requests <= min(requests, MOST_REQUESTS):
        yield error("findings", f"{found.broken} of {found.requests} first tries broke, of {requests} requests in all")
    if sum(found.kinds.values()) != found.broken or not all(found.kinds.values()) or not found.kinds.keys() <= BROKEN:
        yield error("findings", f"its kinds are not those of {found.broken} broken tries")
    if found.incidents > found.broken or bool(found.incidents) != bool(found.broken):
        yield error("findings", f"{found.broken} broken tries cannot be {found.incidents} incidents")
    if found.cut_after is not None and not may_be_cut_after(found.cut_after, found.kinds):
        yield error("findings", f"no answers were cut after {figure(found.cut_after)} s")


def _rates(found: DeliveryRecord) -> Iterator[bool]:
    """Whether each rate is wrong."""
    share = found.broken / found.requests if found.requests else None
    yield not _near(found.share, share)
    yield not _near(found.first_try_rate, None if share is None else 1 - share)
    first, final = found.first_try_rate, found.final_rate
    yield (first is None) != (final is None) or (first is not None and final is not None and final < first - EQUAL)


def _near(given: float | None, right: float | None) -> bool:
    return given is right if given is None or right is None else abs(given - right) <= EQUAL


def _finding(
    one: FindingRecord, found: Sequence[FindingRecord], requests: int, asked: set[str], *, newer: bool
) -> Iterator[CheckFinding]:
    if not 0 < one.count <= one.of or one.of > requests:
        yield error("findings", f"is seen in {one.count} of {one.of} answers, of {requests} requests in all")
        return
    severity = _severity(one, found)
    if severity is None:
        level = warning if newer else error
        yield level("findings", "is no cause that this version of kvv knows")
    elif severity is not one.severity:
        yield error(
            "findings", f"is called {one.severity}, although {one.count} of {one.of} answers make it {severity}"
        )
    if not one.benchmarks or not asked.issuperset(one.benchmarks):
        yield error("findings", "is seen in benchmarks that were not asked")


def _severity(one: FindingRecord, found: Sequence[FindingRecord]) -> Severity | None:
    """The severity of a finding by the rules; a finding that another one explains is information."""
    severity = severity_by_rule(one.cause_id, one.count, one.of)
    for other in found if severity is not None else ():
        rule = severity_by_rule(other.cause_id, other.count, other.of) if 0 < other.count <= other.of else None
        if rule and severity and explained(one.cause_id, one.count, severity, other.cause_id, other.count, rule):
            return Severity.INFORMATION
    return severity


def _together(record: Record) -> Iterator[CheckFinding]:
    """Delivery fails if and only if a finding says so, with the same numbers."""
    found, told = record.delivery, [one for one in record.findings if is_delivery(one.cause_id)]
    failing = found is not None and found.verdict is Verdict.FAIL
    if failing != bool(told):
        yield error("findings", "delivery fails without a finding" if failing else "a finding says that delivery fails")
    elif found is not None and failing and found.kinds and found.kinds.keys() <= BROKEN:
        right = (cause_of_delivery(found).id, found.broken, found.requests)
        if [right] != [(one.cause_id, one.count, one.of) for one in told]:
            yield error("findings", "the finding about delivery does not have its numbers or its cause")
