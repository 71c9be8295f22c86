"""Requests that crash the server: which class is named, and what is never taken for one."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from benchmarks.precheck.ask import ask, user
from benchmarks.precheck.benchmark import Precheck
from benchmarks.precheck.causes import CRASHES, WRONG_STATUS
from benchmarks.precheck.options import PrecheckOptions
from benchmarks.precheck.suites import all_probes
from benchmarks.precheck.traits import told_apart, traits_of
from kvv_action.benchmark import Options
from kvv_action.errors import EndpointError
from kvv_action.journal.reading import JournalReading
from kvv_action.profiles import loader
from kvv_action.schema import (
    Attempt,
    Completion,
    Exchange,
    FailureKind,
    Json,
    Observation,
    Rejection,
    Request,
    Score,
    Verdict,
)
from kvv_action.simulator.faults import crashes
from tests.findings.runs import ran
from tests.pipeline.command import kvv
from tests.profiles.families import KIMI

K3 = loader.load("kimi-k3")
MFJS = {"probes": "mfjs.references.*,mfjs.any-of.with-refs.*,mfjs.required.*,endpoint.*"}
SYSTEM = {"tier": "full", "probes": "dynamic-tools.*,endpoint.*"}
FAULTS: dict[str, tuple[str, dict[str, str]]] = {
    "crashes-on-schema-refs": ("every request with `$ref` in a schema gets HTTP 500", MFJS),
    "crashes-on-schema-unions": ("every request with `anyOf` in a schema gets HTTP 502", MFJS),
    "crashes-on-forced-thinking": (
        "every request with tool_choice `required` while the model thinks gets HTTP 500", {},
    ),
    "crashes-on-pictures": ("every request with a picture gets HTTP 500", {}),
    "crashes-on-streams-with-tools": ("every request with tools that is streamed gets HTTP 500", {}),
    "crashes-on-system-messages": ("every request with a system message gets HTTP 500", SYSTEM),
    "crashes-on-plain-requests": ("every request that is not streamed gets HTTP 504", {}),
    "crashes-on-stop": ("every request with `stop` gets HTTP 500", {"probes": "limits.stop.*,endpoint.*"}),
    "crashes-on-long-prompts": (
        "every request with a long prompt gets HTTP 500", {"probes": "limits.long-prompt.*,endpoint.*"},
    ),
    "resets-on-tool-results": (
        "every request with a tool's result in its history gets no answer: the connection is closed",
        {"probes": "tools.round-trip.*,endpoint.*"},
    ),
    "empties-streams-with-tools": (
        "every request with tools that is streamed gets an empty answer", {"probes": "tools.call.*,endpoint.*"},
    ),
    "refuses-with-server-error": ("", {}),
    "refuses-with-error-event": ("", {}),
}  # fmt: skip


def test_every_fault_is_in_the_table() -> None:
    """A fault without an expectation proves nothing."""
    assert {fault.name for fault in crashes.FAULTS} == set(FAULTS)


@pytest.mark.pipeline
@pytest.mark.parametrize("fault", [name for name, (words, _) in FAULTS.items() if words])
def test_a_class_that_crashes_fails_and_is_named(fault: str, tmp_path: Path) -> None:
    """One cause, no other finding, no probe left open, and nothing held against delivery; an audit agrees."""
    words, settings = FAULTS[fault]
    report = ran(tmp_path, [fault], **settings)
    (result,) = report.benchmarks
    assert [found.cause for found in result.diagnosis] == [f"{CRASHES.cause}: {words}"]
    assert (report.verdict, result.failures, report.findings) == (Verdict.FAIL, (), ())
    assert report.delivery is not None
    assert (report.delivery.broken, report.delivery.verdict is Verdict.FAIL) == (0, False)
    assert kvv("audit", tmp_path).status == 0


@pytest.mark.pipeline
@pytest.mark.parametrize("fault", [name for name, (words, _) in FAULTS.items() if not words])
def test_server_errors_to_invalid_requests_are_a_warning(fault: str, tmp_path: Path) -> None:
    """Every probe holds, the status is told, each request is tried three times, delivery is not judged by it."""
    report = ran(tmp_path, [fault], retry_attempts="5")
    (result,) = report.benchmarks
    assert (report.verdict, report.findings, result.failures) == (Verdict.PASS, (), ())
    assert {(found.cause, found.cause_id) for found in result.diagnosis} == {
        (WRONG_STATUS.cause, "invalid-requests-are-refused-with-the-wrong-status")
    }
    assert report.delivery is not None
    assert report.delivery.broken == 0
    errors = [sent for sent in JournalReading(tmp_path / "journal.jsonl").sent() if sent.attempts]
    assert {len(sent.attempts) for sent in errors} == {3}


@pytest.mark.pipeline
def test_many_crashes_at_once_do_not_stop_the_run(tmp_path: Path) -> None:
    """Fifty requests in flight that all crash the server are no outage: a plain one is answered."""
    settings = {"tier": "full", "probes": "mfjs.any-of.*,mfjs.references.*", "stop_after_failures": "5"}
    report = ran(tmp_path, ["crashes-on-forced-thinking"], **settings)
    assert (report.verdict, report.state) == (Verdict.FAIL, "complete")
    assert report.benchmarks[0].failures == ()


@pytest.mark.pipeline
@pytest.mark.parametrize("fault", ["answers-internal-error", "answers-bad-gateway", "sheds-load", "rate-limits"])
def test_an_outage_is_no_class(fault: str, tmp_path: Path) -> None:
    """Plain requests fail as well."""
    report = ran(tmp_path, [fault], stop_after_failures="10")
    assert report.verdict is Verdict.INCONCLUSIVE
    assert (report.state, report.benchmarks[0].diagnosis) == ("stopped", ())


@pytest.mark.pipeline
def test_trouble_by_chance_is_no_class(tmp_path: Path) -> None:
    """A third of all tries crash; what is given up is left open, and delivery fails."""
    report = ran(tmp_path, ["answers-internal-error=0.3"], seed="3", retry_attempts="2")
    assert [found for found in report.benchmarks[0].diagnosis if CRASHES.cause in found.cause] == []
    assert [found.cause_id for found in report.findings] == ["delivery-server-error"]


@pytest.mark.pipeline
def test_a_busy_server_is_asked_as_often_as_the_settings_say(tmp_path: Path) -> None:
    """Requests that may be refused included: fewer tries are for what crashes the server."""
    report = ran(tmp_path, ["rate-limits=0.4"], retry_attempts="20", retry_base="0.002")
    assert (report.verdict, report.benchmarks[0].failures) == (Verdict.PASS, ())


Answering = Callable[[Request], int]


@dataclass(slots=True)
class Endpoint:
    """Answers requests by a rule that gives the status; 5xx at every try."""

    status: Answering
    asked: list[Request] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)

    async def __call__(self, request: Request, *, may_reject: bool = False) -> Exchange:
        """One exchange."""
        assert may_reject
        self.asked.append(request)
        status, call = self.status(request), len(self.exchanges)
        exchange = Exchange(call=call, completion=Completion(content="alpha bravo", finish_reason="stop"))
        if status >= 400:
            attempts = tuple(tried(status) for _ in range(request.tries or 5))
            if not (request.may_crash and all(one.crashed for one in attempts)) and status != 400:
                raise EndpointError(FailureKind.SERVER_ERROR, f"HTTP {status}", attempts=attempts, status=status)
            attempts = attempts if status != 400 else ()
            exchange = Exchange(call=call, rejection=Rejection(status=status, message="", body="", attempts=attempts))
        self.exchanges.append(exchange)
        return exchange

    def observe(self, name: str, data: dict[str, Json] | None = None, text: str = "") -> Observation:
        """Kept in its place."""
        del text
        observation = Observation(name=name, data=data or {})
        self.exchanges.append(Exchange(call=len(self.exchanges), observation=observation))
        return observation


def tried(status: int) -> Attempt:
    """A try that got this status."""
    return Attempt(number=1, started=0.0, duration=0.1, status=status, failure=FailureKind.SERVER_ERROR)


async def concluded(status: Answering, *probes: str) -> list[Score | str]:
    """What each probe says, one after the other; of a failure its kind."""
    benchmark = Precheck(Options(model="kimi-k3"), PrecheckOptions(probes=probes))
    found: list[Score | str] = []
    for sample in benchmark.samples(None, K3):
        endpoint = Endpoint(status)
        try:
            await benchmark.solve(sample, endpoint, None)
            found.append(await benchmark.score(sample, endpoint.exchanges))
        except EndpointError as error:
            found.append(str(error.kind))
    return found


def has_stop(request: Request) -> bool:
    """Whether the request has stop sequences."""
    return "stop" in request.body


async def test_three_requests_and_two_controls_show_a_class() -> None:
    """The second probe of the class asks no more."""
    first, second = await concluded(lambda request: 500 if has_stop(request) else 200, "limits.stop.*")
    assert isinstance(first, Score)
    assert isinstance(second, Score)
    assert first.cause == second.cause == f"{CRASHES.cause}: every request with `stop` gets HTTP 500"
    assert "limits.stop.streamed shows" in second.explanation


@pytest.mark.parametrize("status", [503, 529, 429])
async def test_an_overload_is_never_a_class(status: int) -> None:
    """However long it lasts, and whatever is asked."""
    assert await concluded(lambda request: status if has_stop(request) else 200, "limits.stop.streamed") == [
        FailureKind.SERVER_ERROR
    ]


async def test_one_of_the_kind_that_is_answered_shows_none() -> None:
    """The crash may be about this one request, or chance."""
    kinds = await concluded(
        lambda request: 500 if has_stop(request) and "request 3" not in str(request.messages) else 200,
        "limits.stop.streamed",
    )
    assert kinds == [FailureKind.SERVER_ERROR]


async def test_plain_requests_must_be_answered_before_and_after() -> None:
    """An outage that begins with the first crash, and one that begins later."""
    for last_answered in (0, 1):
        count = 0

        def status(request: Request, last: int = last_answered) -> int:
            nonlocal count
            count += not has_stop(request)
            return 500 if has_stop(request) or count > last else 200

        assert await concluded(status, "limits.stop.streamed") == [FailureKind.SERVER_ERROR]


async def test_a_class_that_another_answer_contradicts_is_not_named() -> None:
    """A stop sequence was served elsewhere: only the whole combination may be blamed."""
    plain, streamed = await concluded(
        lambda request: 500 if has_stop(request) and request.stream else 200,
        "limits.stop.plain",
        "limits.stop.streamed",
    )
    kinds = {one.cause for one in (plain, streamed) if isinstance(one, Score)}
    assert kinds == {"", f"{CRASHES.cause}: every request with `stop` that is streamed gets HTTP 500"}


@pytest.mark.parametrize("profile", KIMI)
def test_traits_can_be_taken_away(profile: str) -> None:
    """Without a trait a request does not have it; another one of its kind has the same traits."""
    rules = loader.load(profile)
    for probe in all_probes(rules, Options(model=profile)):
        if probe.suite in ("mfjs", "sizes") and "references" not in probe.id:
            continue
        for request in probe.requests:
            traits = traits_of(request, rules, "kimi")
            names = {trait.name for trait in traits}
            assert len(names) == len(traits) > 0
            again = told_apart(request, 2)
            assert {trait.name for trait in traits_of(again, rules, "kimi")} >= names
            assert again != request or request.path != "chat/completions"
            for trait in traits:
                left = {one.name for one in traits_of(trait.without(request), rules, "kimi")}
                assert trait.name not in left or trait.name.startswith("path:")


def test_a_conversation_is_still_one_without_its_traits() -> None:
    """There is something to answer, and turns with tools become turns without."""
    history = (
        {"role": "system", "content": "Be brief."},
        user("What is the weather?"),
        {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]},
        {"role": "tool", "tool_call_id": "1", "content": "rain"},
    )
    request = ask(K3, history)
    by_name = {trait.name: trait.without(request) for trait in traits_of(request, K3, "kimi")}
    assert [message["role"] for message in by_name["tool-results"].messages] == ["system", "user", "assistant", "user"]
    assert [message["role"] for message in by_name["history"].messages] == ["system", "user"]
    assert [message["role"] for message in by_name["system"].messages] == ["user", "assistant", "tool"]
    alone = replace(request, messages=history[:1])
    (system,) = [one for one in traits_of(alone, K3, "kimi") if one.name == "system"]
    assert system.without(alone).messages[0]["role"] == "user"


def test_a_refusal_after_crashes_is_a_refusal() -> None:
    """Only what crashed at every try is a crash."""
    attempts = (tried(500), Attempt(number=2, started=1.0, duration=0.1, status=400, failure=FailureKind.REJECTED))
    assert not Rejection(status=400, message="", body="", attempts=attempts).crashed
    assert Rejection(status=500, message="", body="", attempts=(tried(500),) * 2).crashed
    assert not Rejection(status=500, message="", body="").crashed
    assert not any(tried(status).crashed for status in (408, 429, 503, 529))
