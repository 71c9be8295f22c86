"""The benchmark fingerprint: what each fault of probabilities leads to, and that every way to a report is the same."""

import asyncio
import re
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest

from benchmarks import registry
from benchmarks.fingerprint.benchmark import ASKINGS, Fingerprint
from benchmarks.fingerprint.causes import CAUSES
from benchmarks.fingerprint.condensed import data_of, facts_of, readings_in, reference_in
from benchmarks.fingerprint.options import COPY, FingerprintOptions
from entrypoint.prepare import Demonstration, prepare
from entrypoint.settings import load
from kvv_action.ask.budget import Limits
from kvv_action.bundle.redaction import redacted
from kvv_action.digits import small
from kvv_action.errors import EndpointError, KvvError, Rejected, UsageError
from kvv_action.fingerprint.judgement import judge
from kvv_action.fingerprint.position import PositionReading, read_position
from kvv_action.fingerprint.reference_file import as_bytes
from kvv_action.journal.reading import JournalReading
from kvv_action.leaderboard.record import dump, path_of
from kvv_action.leaderboard.record import load as read_record
from kvv_action.leaderboard.site.rows import entry_of, row_of
from kvv_action.leaderboard.verdict_consistency import contradictory
from kvv_action.report.files import sha256
from kvv_action.report.html import html
from kvv_action.report.markdown import summary
from kvv_action.schema import BenchmarkResult, Completion, FailureKind, Measurement, RunReport, Severity, Verdict
from kvv_action.verdict.audit import rescore
from kvv_action.verdict.report import build
from tests.ask.fakes import Run
from tests.benchmarks.probabilities import (
    COUNT,
    PROFILE,
    VendorClient,
    capture,
    chosen,
    ran,
    reference,
    run_of,
    written,
)
from tests.journal.shards import ask_shards, merge_to, told
from tests.leaderboard.records import BUNDLE, made
from tests.pipeline.command import kvv

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("fingerprint")]  # some hundred answers, and references of them

FAULTS = {
    (): (Verdict.PASS, None),
    ("quantised=0.02",): (Verdict.FAIL, "fingerprint-differs"),
    ("other-model",): (Verdict.FAIL, "fingerprint-differs"),
    ("router=0.2:0.1",): (Verdict.FAIL, "fingerprint-router"),
    ("temperature-ignored",): (Verdict.FAIL, "fingerprint-temperature"),
    ("template-shift",): (Verdict.INCONCLUSIVE, "fingerprint-another-prompt"),
    ("drops-usage",): (Verdict.INCONCLUSIVE, "fingerprint-prompt-untold"),
    ("no-logprobs",): (Verdict.INCONCLUSIVE, "fingerprint-no-logprobs"),
    ("logprobs-of-content",): (Verdict.INCONCLUSIVE, "fingerprint-no-logprobs"),
    ("logprobs-rounded",): (Verdict.PASS, None),
    ("logprobs-after-top-p",): (Verdict.PASS, None),
    ("noisy=0.0003",): (Verdict.PASS, None),
}
"""What a run concludes of each fault, and the cause that it tells first."""
FORBIDDEN = ("worse", "int4", "int8", "fp8", "fp4", "awq", "gptq", "quanti")
"""Words that no report about probabilities may have."""


@cache
def report_of(*faults: str) -> RunReport:
    with TemporaryDirectory() as folder:
        return ran(Path(folder), *faults)


def result_of(report: RunReport) -> tuple[BenchmarkResult, Measurement]:
    (result,) = report.benchmarks
    assert result.measurement is not None
    return result, result.measurement


@pytest.mark.parametrize("faults", FAULTS, ids=lambda faults: ",".join(faults) or "none")
def test_a_fault_is_named_first(faults: tuple[str, ...]) -> None:
    """The verdict of the run, and the one cause that leads the report; a failure where it fails the run."""
    verdict, cause = FAULTS[faults]
    report = report_of(*faults)
    result, found = result_of(report)
    assert (report.verdict, result.verdict) == (verdict, verdict)
    assert [one.cause_id for one in report.causes][:1] == ([cause] if cause else [])
    assert all((one.severity is Severity.FAILURE) is (verdict is Verdict.FAIL) for one in report.causes)
    assert result.score is None
    assert found.error == 0.003


@pytest.mark.parametrize("faults", FAULTS, ids=lambda faults: ",".join(faults) or "none")
def test_no_report_says_more_than_was_seen(faults: tuple[str, ...]) -> None:
    """Neither that anything is worse, nor the name of a number format."""
    report = report_of(*faults)
    texts = (summary(report), html(report).decode().partition("</style>")[2])
    assert [word for text in texts for word in FORBIDDEN if word in text.lower()] == []


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.id)
def test_no_cause_says_more_than_was_seen(cause: Any) -> None:
    """The same of the sentences and remedies themselves."""
    assert [word for word in FORBIDDEN if word in f"{cause.sentence} {cause.remedy}".lower()] == []


def test_an_honest_vendor_is_told_with_its_figures() -> None:
    """Nats with their interval, the tolerance, self-noise, honest deployments, and each domain."""
    result, found = result_of(report_of())
    assert result.reason.startswith(f"At {COUNT} prefixes next-token probabilities differ from the reference by ")
    assert "honest deployments differ by at most" in result.reason
    assert found.low is not None
    assert found.high is not None
    assert found.upper is not None
    assert found.limit == pytest.approx(3 * found.marks["honest deployments, at most"], rel=1e-3)
    assert found.low <= (found.value or 0) <= found.high < found.limit
    assert sum(group.measured for group in found.groups) == found.measured == COUNT
    assert len(found.items) == ASKINGS * COUNT
    assert {item.group for item in found.items} == {group.name for group in found.groups}
    assert "| **together** | 24 of 24 |" in summary(report_of())


def test_without_a_tolerance_it_is_advisory(tmp_path: Path) -> None:
    """It is told, counts for nothing, and a run of it alone passes nothing, whatever it sees."""
    report = ran(tmp_path, "quantised=0.02", tolerance=False)
    result, found = result_of(report)
    assert (result.verdict, result.orientation, found.limit) == (Verdict.INCONCLUSIVE, True, None)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "no score could be judged" in report.reason
    assert "kvv fingerprint calibrate" in summary(report)


def test_every_answer_is_paid_for(tmp_path: Path) -> None:
    """Requests, and tokens as the endpoint counted them; an endpoint without probabilities is asked once a prefix."""
    usage = report_of().usage
    assert (usage.requests, usage.completion_tokens) == (ASKINGS * COUNT, ASKINGS * COUNT)
    assert usage.prompt_tokens > 100 * COUNT
    assert report_of("no-logprobs").usage.requests == COUNT
    run = run_of(tmp_path)
    ending = asyncio.run(run.session(VendorClient(), limits=Limits(tokens=9000)))  # type: ignore[arg-type]
    assert "max-tokens is 9000" in ending.reason
    assert 8 < run.report().usage.requests < 60


def test_a_run_that_was_cut_goes_on(tmp_path: Path) -> None:
    """Nothing is asked twice, and until everything is asked nothing passes."""
    run, client = run_of(tmp_path), VendorClient(seed=1)
    asyncio.run(run.session(client, limits=Limits(requests=50)))  # type: ignore[arg-type]
    assert run.report().verdict is Verdict.INCONCLUSIVE
    asyncio.run(run.session(client))  # type: ignore[arg-type]
    assert client.asked == ASKINGS * COUNT
    assert run.report().verdict is Verdict.PASS


def finished(folder: Path, *faults: str) -> Run:
    run = run_of(folder)
    asyncio.run(run.session(VendorClient(*faults), workers=4))  # type: ignore[arg-type]
    return run


def test_shards_measure_what_one_run_measures(tmp_path: Path) -> None:
    """Merged journals give the same figures as that of an undivided run: the vendor answers each request alike."""
    whole = finished(tmp_path, "quantised=0.02")
    shards = asyncio.run(
        ask_shards(whole, 2, tmp_path, lambda: VendorClient("quantised=0.02"))  # type: ignore[arg-type, return-value]
    )
    merged = merge_to(tmp_path / "merged.jsonl", [shard.path for shard in shards])
    mine, theirs = result_of(merged)[1], result_of(whole.report())[1]
    assert (mine.limit, mine.marks, len(mine.items)) == (theirs.limit, theirs.marks, len(theirs.items))
    assert mine.value == pytest.approx(theirs.value, rel=0.05)
    assert told(merged)[:1] == told(whole.report())[:1] == (Verdict.FAIL,)


def test_a_journal_without_texts_measures_the_same(tmp_path: Path) -> None:
    """Numbers stay when texts are taken out: verdict, reason, causes and measurement."""
    run = finished(tmp_path, "router=0.2:0.1")
    bare = tmp_path / "bare.jsonl"
    bare.write_bytes(b"".join(redacted(run.path)))
    mine, theirs = build(bare), run.report()
    assert result_of(mine)[1] == result_of(theirs)[1]
    assert (mine.verdict, mine.reason, mine.causes) == (theirs.verdict, theirs.reason, theirs.causes)


def test_scores_are_reached_again(tmp_path: Path) -> None:
    """From the bodies in the journal; an edited answer is found."""
    run = finished(tmp_path)
    again = asyncio.run(rescore(JournalReading(run.path), run.loaded))
    assert (again.counts.total(), again.differences) == (COUNT, [])
    assert build(run.path, rescored=again.changed) == run.report()


def test_a_plan_keeps_what_judges() -> None:
    """The condensed reference judges like the whole one; a changed one is refused."""
    whole = reference()
    kept = reference_in(facts_of(whole))
    answers = capture(chosen(), "quantised=0.01", calls=1)
    readings = {one.prefix.id: [PositionReading(position=one.position)] for one in answers.prefixes}
    first, second = judge(whole, readings), judge(kept, readings)
    assert (first.verdict, first.honest, first.far_share) == (second.verdict, second.honest, second.far_share)
    assert first.nats == pytest.approx(second.nats, rel=1e-3)  # a file has five digits
    assert first.noise == pytest.approx(second.noise, abs=1e-8)
    lines = facts_of(whole)["reference"]
    changed = lines[1].replace('"unusable":0.0', '"unusable":0.0001')
    with pytest.raises(KvvError, match="the plan's reference: was changed after it was made"):
        reference_in({"reference": [lines[0], changed, *lines[2:]]})


def test_what_a_score_keeps_is_read_back() -> None:
    """Every number of an asking, also tokens that the reference does not know."""
    position = reference().prefixes[0].position
    other = replace(
        position, tokens={**position.tokens, b"unknown": -9.0}, sampled=b"another", prompt_tokens=7, cut=True
    )
    unread = read_position({"choices": [{"message": {"content": "x"}, "logprobs": None}]})
    kept = orjson.loads(orjson.dumps(data_of(position, [PositionReading(position=other), unread])))
    first, second = readings_in(kept, position)
    assert first.position is not None
    assert sorted(first.position.tokens.values()) == pytest.approx(sorted(other.tokens.values()), abs=1e-6)
    assert [token for token in position.tokens if token not in first.position.tokens] == []
    assert len(first.position.tokens.keys() - position.tokens.keys()) == 1
    assert first.position.sampled not in first.position.tokens
    assert (first.position.prompt_tokens, first.position.cut) == (7, True)
    assert (second.position, second.reason) == (None, "answers come without the log probabilities that were asked for")


def fp(**changes: Any) -> Fingerprint:
    return Fingerprint(own=FingerprintOptions(**changes))


@pytest.mark.parametrize(
    ("profile", "today", "told"),
    [
        (PROFILE.name, "2026-10-01", ""),
        ("other", "2026-10-01", "It is of profile kimi-k2.6, this run is by other."),
        (
            PROFILE.name,
            "2999-01-01",
            "It expired on 2027-03-20: endpoints change; capture the official one again.",
        ),
    ],
)
def test_a_reference_that_does_not_fit_is_refused(profile: str, today: str, told: str, tmp_path: Path) -> None:
    """Before anything is sent; an audit does not look at the calendar."""
    found = list(fp(fingerprint=str(written(tmp_path))).unfit(replace(PROFILE, name=profile), today))
    assert [one.allowed for one in found] == ([told] if told else [])
    assert date.fromisoformat(reference().expires) - timedelta(days=180) == date(2026, 9, 21)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"{}", "is no fingerprint reference"), (b"", "is no fingerprint reference"), (None, "cannot be read")],
)
def test_what_is_no_reference_is_refused(content: bytes | None, told: str, tmp_path: Path) -> None:
    """With the name of the setting."""
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    (found,) = fp(fingerprint=str(path)).unfit(PROFILE, "2026-10-01")
    assert found.name == "fingerprint"
    assert told in found.allowed


def prepared_ids(**settings: str) -> list[str]:
    found = prepare(load({"profile": PROFILE.name, **settings}), Demonstration(), sends=False)
    return [one.id for one in found.plan.benchmarks]


def test_it_is_asked_where_there_is_a_reference(tmp_path: Path) -> None:
    """Given by the option beside whatever is named, or named by the profile; without one nothing changes."""
    path = str(written(tmp_path))
    assert "fingerprint" not in prepared_ids()
    assert prepared_ids(benchmarks="aime2025", fingerprint=path) == ["precheck", "fingerprint", "aime2025"]
    own = tmp_path / f"{PROFILE.name}.toml"
    own.write_text(f'extends = "{PROFILE.name}"\n[benchmarks.fingerprint]\nreference_file = "{path}"\n')
    assert "fingerprint" in prepared_ids(profile=str(own))
    assert prepared_ids(profile=str(own), benchmarks="fingerprint") == ["precheck", "fingerprint"]
    other = own.rename(tmp_path / "other.toml")
    with pytest.raises(UsageError, match=r"It is of profile kimi-k2\.6, this run is by other"):
        prepared_ids(profile=str(other), benchmarks="fingerprint")
    with pytest.raises(UsageError, match="It needs a reference that kvv fingerprint capture made"):
        prepared_ids(benchmarks="fingerprint")


def test_a_plan_says_what_it_costs(tmp_path: Path) -> None:
    """Requests and tokens are those that a run sends; plans without it are as they were."""
    alone = ("--profile", PROFILE.name, "--precheck", "off", "--benchmarks")
    done = kvv("plan", "--json", *alone, "fingerprint", "--fingerprint", written(tmp_path))
    (row,) = orjson.loads(done.out)["benchmarks"]
    most = ASKINGS * COUNT
    assert row["requests"] == row["tokens_out"] == {"expected": most, "ceiling": most}
    assert 0.5 < row["tokens_in"]["expected"] / report_of().usage.prompt_tokens < 2
    assert row["together"] is True
    (other,) = orjson.loads(kvv("plan", "--json", *alone, "aime2025", "--dataset", "aime2025=bundled").out)[
        "benchmarks"
    ]
    assert "together" not in other


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a whole demonstration leaves."""
    place = tmp_path_factory.mktemp("fingerprint")
    chosen_ = ("--profile", PROFILE.name, "--benchmarks", "fingerprint", "--precheck", "off")
    assert kvv("demo", *chosen_, "--fingerprint", written(place), "--out", place / "out").status == 0
    return place / "out"


def test_an_audit_finds_the_reference_beside_the_reports(folder: Path, tmp_path: Path) -> None:
    """In a folder and in a bundle; with another reference it says so."""
    assert (folder / COPY).read_bytes() == as_bytes(reference())
    assert kvv("audit", folder).status == 0
    bundle = tmp_path / "evidence.tar.gz"
    assert kvv("bundle", folder, "--out", bundle).status == 0
    assert kvv("audit", bundle).status == 0
    other = tmp_path / "other.jsonl"
    other.write_bytes(as_bytes(capture(chosen(), "quantised=0.01", calls=1)))
    done = kvv("audit", folder, "--fingerprint", other)
    assert done.status == 1
    assert "differs: fingerprint: compared with" in done.out


def test_a_record_holds_the_measurement(folder: Path) -> None:
    """Its bytes are read again; a verdict that does not follow from it is found."""
    report = build(folder / "journal.jsonl")
    record = made(report, vendor="acme", bundle=BUNDLE)
    assert read_record(dump(record)) == record
    (one,) = record.benchmarks
    assert one.measurement is not None
    assert list(contradictory(record)) == []
    (cell,) = row_of(entry_of(record, path_of(record), sha256(dump(record)))).cells
    assert cell.note == f"{small(one.measurement.value)} nats"
    failed = replace(record, verdict=Verdict.FAIL, benchmarks=(replace(one, verdict=Verdict.FAIL),))
    (finding,) = contradictory(failed)
    assert "not unlikely for a vendor within the limit" in str(finding)
    beyond = replace(one, measurement=replace(one.measurement, limit=1e-9))
    assert any("is not shown to lie within its limit" in str(found) for found in contradictory(
        replace(record, benchmarks=(beyond,))
    ))  # fmt: skip


def test_it_is_listed(folder: Path) -> None:
    """Its copy of the reference is among the files that benchmarks leave."""
    assert registry.OURS["fingerprint"].extras == (COPY,)
    assert (folder / COPY).is_file()
    assert re.search(r"--fingerprint /\S+", (folder / "summary.md").read_text())


class Refusing(VendorClient):
    """An endpoint that refuses log probabilities."""

    def body(self, content: bytes) -> str:
        raise Rejected(FailureKind.REJECTED, "HTTP 400: logprobs is not supported", status=400, body="no")


def test_a_refusal_is_no_failure(tmp_path: Path) -> None:
    """Each prefix is asked once; the run says that nothing can be compared, and why."""
    run, client = run_of(tmp_path), Refusing()
    asyncio.run(run.session(client))  # type: ignore[arg-type]
    report = run.report()
    result, found = result_of(report)
    assert (client.asked, result.counts.failed, result.verdict) == (COUNT, 0, Verdict.INCONCLUSIVE)
    assert [one.cause_id for one in report.causes] == ["fingerprint-no-logprobs"]
    assert (found.value, found.items, found.chance) == (None, (), None)


class Losing(VendorClient):
    """An endpoint that loses every seventh request."""

    async def fetch(self, path: str, content: bytes | None = None, **hints: Any) -> Completion:
        found = await super().fetch(path, content, **hints)
        if self.asked % 7 == 3:
            raise EndpointError(FailureKind.TIMEOUT_TOTAL, "too slow")
        return found


def test_what_is_lost_is_asked_again(tmp_path: Path) -> None:
    """A prefix with a lost answer has failed; the next session asks only for what is missing."""
    run, client = run_of(tmp_path), VendorClient()
    asyncio.run(run.session(Losing(), workers=4))  # type: ignore[arg-type]
    lost = run.report().benchmarks[0].counts.failed
    assert 0 < lost < COUNT
    assert run.report().verdict is Verdict.INCONCLUSIVE
    asyncio.run(run.session(client, workers=4))  # type: ignore[arg-type]
    assert 0 < client.asked <= ASKINGS * lost
    assert run.report().verdict is Verdict.PASS
