"""`response_format`: the judges, and the faults that they find."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from benchmarks.precheck.probe import Probe
from benchmarks.precheck.suites import all_probes
from benchmarks.precheck.suites import response_format as suite
from benchmarks.precheck.suites.token_cases import CASES_REFUSED
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles import loader
from kvv_action.schema import Completion, Exchange, Rejection, Score
from tests.precheck.harness import precheck

MODES = ("streamed", "plain")


def _probes(profile: str = "kimi-k3", **options: str) -> dict[str, Probe]:
    found = suite.probes(loader.load(profile), Options(**options))  # type: ignore[arg-type]
    return {probe.id.removeprefix("response-format."): probe for probe in found}


def _said(content: str, *, reasoning: str = "", finish: str = "stop") -> Exchange:
    completion = Completion(content=content, reasoning=reasoning, finish_reason=finish)
    return Exchange(call=0, completion=completion)


def _rejection(status: int, message: str = "invalid response_format") -> Exchange:
    return Exchange(call=0, rejection=Rejection(status=status, message=message, body=message))


GOOD = _said('{"city":"Riga","degrees":7}')


def test_what_is_asked() -> None:
    """Only of a model that has the contract; while thinking only where thinking can be asked for."""
    assert not _probes("kimi-k2.6")
    assert "thinking.plain" in _probes()
    assert "thinking.plain" not in _probes(think_mode="none")
    requests = sum(len(probe.requests) for probe in _probes().values())
    assert requests <= 40


@pytest.mark.parametrize(
    ("probe", "content"),
    [
        ("json-object.plain", ' {"city": []}'),
        ("default-strict.plain", '{"city":"Riga","degrees":7.5}'),
        ("not-strict.plain", '{"weather":"fine"}'),
        ("nested.plain", '{"city":"Riga","now":{"wind":{"speed":3,"gusts":false}}}'),
        ("enum.plain", '{"city":"Tartu","sky":"clear","force":5}'),
        ("list.plain", '{"city":"Riga","hours":[{"hour":1,"degrees":2},{"hour":2,"degrees":2.5}]}'),
        ("compact.plain", '{"rain": true}'),
        ("strict.plain", '{"city":"Riga",\n"degrees":7}'),
        ("text", "The sea is wide."),
    ],
)
def test_holds(probe: str, content: str) -> None:
    """Content that fits."""
    assert _probes()[probe].judge([_said(content)]).value == 1.0


@pytest.mark.parametrize(
    ("probe", "answer", "cause"),
    [
        ("json-object.plain", _said("It is sunny."), suite.IGNORED),
        ("json-object.plain", _said('{"city":'), suite.IGNORED),
        ("json-object.plain", _said("[]"), suite.NOT_AN_OBJECT),
        ("not-strict.plain", _said("7"), suite.NOT_AN_OBJECT),
        ("strict.plain", _said('```json\n{"city":"Riga","degrees":7}\n```'), suite.FENCED),
        ("strict.plain", _said("", reasoning='Let me see. {"city":"Riga"}'), suite.IN_REASONING),
        ("strict.plain", _said("", reasoning="Let me see."), suite.IGNORED),
        ("strict.plain", _said('{"city":"Riga"}'), suite.SCHEMA_IGNORED),
        ("enum.plain", _said('{"city":"Oslo","sky":"clear","force":5}'), suite.SCHEMA_IGNORED),
        ("compact.plain", _said('{\n"rain":true}'), suite.NOT_COMPACT),
        ("compact.plain", _said('{\t"rain":true}'), suite.NOT_COMPACT),
        ("list.plain", _rejection(400), suite.FORMAT_REFUSED),
        ("text", _rejection(422), suite.FORMAT_REFUSED),
        ("text", _said(""), suite.PLAIN_EMPTY),
    ],
)
def test_broken(probe: str, answer: Exchange, cause: suite.ProbeCause) -> None:
    """Content that does not fit, with its cause."""
    score = _probes()[probe].judge([answer])
    assert (score.value, score.cause) == (0.0, cause.cause)


@pytest.mark.parametrize(
    ("streamed", "plain", "agree"),
    [
        (GOOD, GOOD, True),
        (_said("prose"), _said("other prose"), True),
        (_rejection(400), _rejection(400), True),
        (GOOD, _said("prose"), False),
        (GOOD, _said('{"city":"Riga",\n"degrees":7}'), False),
        (_said("```\n{}```"), GOOD, False),
        (GOOD, _rejection(400), False),
        (_said('{"city":1}'), GOOD, False),
    ],
)
def test_modes_agree_in_form(streamed: Exchange, plain: Exchange, agree: bool) -> None:
    """Both right, or both wrong in the same way."""
    score = _probes()["modes-agree"].judge([streamed, plain])
    assert score.value == float(agree)
    assert score.cause == ("" if agree else suite.MODES_DIFFER.cause)


@pytest.mark.parametrize("status", [400, 422])
def test_invalid_format_must_be_refused(status: int) -> None:
    """Only a refusal after a good control counts."""
    judge = _probes()["refuses.no-name"].judge
    assert judge([GOOD, _rejection(status)]).value == 1.0
    accepted = judge([GOOD, GOOD])
    assert (accepted.answer, accepted.cause) == ("accepted", suite.FORMAT_UNCHECKED.cause)


@pytest.mark.parametrize(
    ("probe", "exchanges"),
    [
        ("refuses.no-name", (_rejection(400), _rejection(400))),
        ("refuses.no-name", (GOOD, _rejection(404))),
        ("refuses.no-name", (GOOD, _rejection(413))),
        ("refuses.no-name", (GOOD, _rejection(400, "max_tokens is too large"))),
        ("strict.plain", (_rejection(404),)),
        ("strict.plain", (_rejection(400, "unknown field: thinking"),)),
        ("strict.plain", (_said('{"city":', finish="length"),)),
        ("strict.plain", (_said("[" * 100 + "]" * 100),)),
        ("strict.plain", (_said(" " * 10**6),)),
        ("modes-agree", (GOOD, _rejection(404))),
        ("modes-agree", (GOOD, _said("{", finish="length"))),
    ],
)
def test_undecided(probe: str, exchanges: Sequence[Exchange]) -> None:
    """Nothing is said when something else was refused, or the answer was not whole."""
    with pytest.raises(Undecided):
        _probes()[probe].judge(exchanges)


HOSTILE = (
    _said("[" * 5000),
    _said("[" * 900 + "]" * 900),
    _said("\ud800"),
    _said('{"\ud800":1}'),
    _said('{"rain":1e999}'),
    _said("```" * 10**4),
    _said("", reasoning="}" * 10**6, finish="::error::"),
    _said("\x00"),
    _rejection(400, "schema" * 10**5),
    _rejection(499, "\x00"),
    Exchange(call=0, completion=Completion(content="{}", finish_reason=None)),
)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_answers_are_judged(hostile: Exchange) -> None:
    """Whatever comes back, there is a score or none."""
    for probe in _probes().values():
        many = len(probe.requests)
        for exchanges in ([hostile] * many, [GOOD, hostile][:many], [hostile, GOOD][:many]):
            try:
                score = probe.judge(exchanges)
            except Undecided:
                continue
            assert isinstance(score, Score)


SENT = tuple(_probes())
SCHEMAS = ("default-strict", "strict", "nested", "enum", "list", "compact", "thinking")
POSITIVE = ("json-object", "not-strict", *SCHEMAS)
Broken = Mapping[str, str]


def _all(names: Sequence[str], cause: suite.ProbeCause, modes: Sequence[str] = MODES) -> Broken:
    """Every probe of these formats in these modes."""
    asked = {f"{name}.{mode}" for name in names for mode in modes}
    return dict.fromkeys(asked & set(SENT), cause.cause)


def _refusing(*names: str) -> Broken:
    return {f"refuses.{name}": suite.FORMAT_UNCHECKED.cause for name in names}


FAULTS: Mapping[str, Broken] = {
    "ignores-response-format": _all(POSITIVE, suite.IGNORED),
    "response-format-only-plain": {
        **_all(POSITIVE, suite.IGNORED, ("streamed",)),
        "modes-agree": suite.MODES_DIFFER.cause,
    },
    "fenced-json": _all(POSITIVE, suite.FENCED),
    "pretty-printed-json": _all(("compact",), suite.NOT_COMPACT),
    "ignores-strict-schema": _all(SCHEMAS, suite.SCHEMA_IGNORED),
    "json-object-returns-array": _all(("json-object",), suite.NOT_AN_OBJECT),
    "json-in-reasoning": _all(POSITIVE, suite.IN_REASONING),
    "refuses-json-object": _all(("json-object",), suite.FORMAT_REFUSED),
    "accepts-unknown-response-format": _refusing("unknown-type"),
    "accepts-response-format-without-schema": _refusing("no-json-schema", "no-name", "no-schema"),
    "accepts-mistyped-response-format": _refusing("strict-no-boolean", "schema-no-object"),
}
"""What a fault breaks, and the cause."""
BEYOND: Mapping[str, Broken] = {"refuses-json-object": {"tokens.cases": CASES_REFUSED.cause}}
"""What it breaks in other suites."""


@pytest.mark.pipeline
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_breaks_exactly_its_probes(fault: str, tmp_path: Path) -> None:
    """The named probes with the named cause, and nothing else in any suite (of tool schemas the smoke tier)."""
    every = all_probes(loader.load("kimi-k3"), Options(model="kimi-k3"))
    names = ",".join(probe.id for probe in every if probe.suite != "mfjs" or probe.tier == "smoke")
    seen = precheck(tmp_path / "out", faults=(fault,), probes=names)
    expected = {f"response-format.{name}": cause for name, cause in FAULTS[fault].items()}
    assert seen.broken == expected | BEYOND.get(fault, {})
    seen.assert_one_cause()
    assert not seen.failed


def test_a_json_object_has_the_key_that_was_asked_for() -> None:
    """Which keys it has is the model's choice, so that it is asked up to three times."""
    probe = _probes()["json-object.plain"]
    other = Exchange(call=0, completion=Completion(content='{"town": "Riga"}', finish_reason="stop"))
    right = Exchange(call=0, completion=Completion(content='{"city": "Riga"}', finish_reason="stop"))
    assert probe.then is not None
    assert probe.then([other]) == probe.requests[0]
    assert probe.then([right]) is probe.then([other] * 3) is None
    assert probe.judge([other] * 3).cause == suite.KEY_MISSING.cause
    assert probe.judge([other, right]).value == 1.0
