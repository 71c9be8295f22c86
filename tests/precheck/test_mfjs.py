"""Tool schemas: the corpus, the transform, the judges, and the faults that they find."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator

from benchmarks.precheck.mfjs.cases import AGAIN, SchemaCase, corpus, from_folder
from benchmarks.precheck.mfjs.check import DEEPEST, LONGEST, complaint
from benchmarks.precheck.mfjs.transform import Parameters, Skip, as_parameters
from benchmarks.precheck.probe import TIERS, Probe
from benchmarks.precheck.suites import mfjs
from benchmarks.precheck.suites.mfjs import SMOKE, STANDARD, TOOL, refused_cause
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided, UsageError
from kvv_action.profiles import loader
from kvv_action.schema import Completion, Exchange, Json, Rejection, Request, Score, Thinking, ToolCall
from kvv_action.simulator.faults.schemas import BOUNDS, outside_enum, without_bounds, without_last, wrong_type
from kvv_action.simulator.schema_values import minimal
from tests.precheck.harness import precheck
from tests.precheck.mfjs_rules import violations

SUITES = {
    "additional-properties", "any-of", "basic-types", "defs", "description", "enforcer", "id", "keywords",
    "nested-defs", "number-format", "range-constraints", "ref-in-properties", "references", "required",
    "single-type-in-array", "type-location",
}  # fmt: skip
CASES = {case.name: case for case in corpus()}
PET = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def _raw() -> list[Json]:
    folder = Path(mfjs.__file__).parents[1] / "mfjs" / "corpus"
    return [orjson.loads(line)["schema"] for file in folder.iterdir() for line in file.read_bytes().splitlines()]


def test_corpus_covers_every_suite() -> None:
    """At least 120 schemas, each under its own name, of every kind that walle has; 6 and 30 for the smaller tiers."""
    assert len(CASES) == len(corpus()) >= 120
    assert {case.suite for case in corpus()} == SUITES
    assert all(re.fullmatch(r"[a-z-]+\.[a-z-]+", name) for name in CASES)
    assert len({orjson.dumps(case.schema) for case in corpus()}) == len(CASES)
    assert len(set(SMOKE)) == 6
    assert len(set(STANDARD)) == 30
    assert set(SMOKE) <= set(STANDARD) <= set(CASES)


def test_corpus_is_mfjs() -> None:
    """No schema uses what MFJS does not have, and none would be left out."""
    assert all(isinstance(as_parameters(schema), Parameters) for schema in _raw())
    assert [(schema, found) for schema in _raw() if (found := list(violations(schema)))] == []


@pytest.mark.parametrize("case", corpus(), ids=lambda case: case.name)
def test_schema_is_valid_and_the_embedded_vendor_meets_it(case: SchemaCase) -> None:
    """What is sent is a Draft 2020-12 schema of an object, and the value that is made from it fits."""
    Draft202012Validator.check_schema(case.schema)
    arguments = minimal(case.schema)
    assert set(arguments) == {"value"}
    assert complaint(orjson.dumps(arguments).decode(), case.schema) is None


def _transformed(schema: Json) -> Mapping[str, Json]:
    made = as_parameters(schema)
    assert isinstance(made, Parameters), made
    return made.schema


def test_schema_becomes_a_required_property() -> None:
    """An object with nothing but `value`."""
    assert _transformed({"type": "string"}) == {
        "type": "object",
        "properties": {"value": {"type": "string"}},
        "required": ["value"],
        "additionalProperties": False,
    }


def test_definitions_and_id_stay_on_top() -> None:
    """`$defs` and `$id` are not below `value`."""
    made = _transformed({"$id": "pet", "$ref": "#/$defs/Pet", "$defs": {"Pet": PET}})
    assert made["$id"] == "pet"
    assert made["$defs"] == {"Pet": PET}
    assert made["properties"] == {"value": {"$ref": "#/$defs/Pet"}}


def test_references_to_the_root_follow_it() -> None:
    """`#` and parts of the root mean the schema where it is now; a definition of that name is left alone."""
    made = _transformed(
        {
            "type": "object",
            "properties": {"up": {"$ref": "#"}, "other": {"$ref": "#/properties/name"}, "name": {"type": "string"}},
            "$defs": {"case": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
        }
    )
    assert made["properties"] == {"value": {"$ref": "#/$defs/_case"}}
    assert made["$defs"]["case"]["anyOf"][0] == {"$ref": "#/$defs/_case"}
    assert made["$defs"]["_case"]["properties"]["up"] == {"$ref": "#/$defs/_case"}
    assert made["$defs"]["_case"]["properties"]["other"] == {"$ref": "#/$defs/_case/properties/name"}
    assert complaint('{"value":{"up":{"name":"a"},"other":"b"}}', made) is None
    assert complaint('{"value":{"up":{"name":1}}}', made) is not None


def test_default_is_dropped_as_a_keyword_only() -> None:
    """A property called `default` stays; so does a text in an enum."""
    made = _transformed(
        {
            "type": "object",
            "properties": {"default": {"type": "string", "default": "x", "enum": ["default"]}},
            "required": ["default"],
        }
    )
    assert made["properties"]["value"]["properties"] == {"default": {"type": "string", "enum": ["default"]}}


ENDLESS = {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}, "required": ["next"]}


def _nested(levels: int) -> Json:
    schema: Json = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ([], "not an object"),
        ("x", "not an object"),
        (_nested(500), "levels deep"),
        ({"type": "string", "minLength": 1001}, "minLength above 1000"),
        ({"type": "array", "items": {"type": "string", "minLength": 10**12}}, "minLength above 1000"),
        ({"type": "object", "properties": {" a": {"type": "string"}}}, "odd white space"),
        ({"type": "object", "properties": {"": {"type": "string"}}}, "odd white space"),
        ({"type": "array", "items": {"type": "object", "properties": {"a\\n": {"type": "null"}}}}, "odd white space"),
        ({"$ref": "#/$defs/N", "$defs": {"N": ENDLESS}}, "recursion without end"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/N"}}, "$defs": {"N": ENDLESS}}, "without end"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "recursion without end"),
        ({"$ref": "#"}, "recursion without end"),
        ({"$id": "#user", "type": "object"}, "$id with a fragment"),
        ({"type": "object", "properties": {"a": {"$id": "b", "type": "null"}}}, "$id below the top"),
        ({"$dynamicRef": "https://example.org/x"}, "anchor"),
        ({"$ref": "https://example.org/x"}, "leads nowhere"),
        ({"$ref": "#/$defs/None"}, "leads nowhere"),
        ({"type": "text"}, "not a valid Draft 2020-12 schema"),
        ({"type": "object", "properties": []}, "not a valid Draft 2020-12 schema"),
        ({"anyOf": "x"}, "not a valid Draft 2020-12 schema"),
    ],
)
def test_unusable_schema_is_left_out(schema: Json, reason: str) -> None:
    """Each with its reason."""
    made = as_parameters(schema)
    assert isinstance(made, Skip)
    assert reason in made.reason


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/N", "$defs": {"N": {**ENDLESS, "required": []}}},
        {"$ref": "#/$defs/N", "$defs": {"N": {"anyOf": [{"type": "null"}, ENDLESS]}}},
        {"$ref": "#/$defs/N", "$defs": {"N": {"type": "array", "items": {"$ref": "#/$defs/N"}}}},
    ],
)
def test_recursion_with_an_end_is_sent(schema: Json) -> None:
    """Optional properties, other branches and empty lists end it."""
    assert isinstance(as_parameters(schema), Parameters)


def _folder(tmp_path: Path, **suites: str) -> Path:
    for suite, text in suites.items():
        (tmp_path / suite).mkdir()
        (tmp_path / suite / "valid.jsonl").write_text(text)
    return tmp_path


def test_folder_of_cases(tmp_path: Path) -> None:
    """Ids come from the content; repeated and unusable schemas are counted, empty lines are not."""
    text = '{"type":"string"}\n\n{"type": "string"}\n{"type":"null"}\n{"type":"string","minLength":2000}'
    cases = from_folder(_folder(tmp_path, TestA=text, TestB='{"type":"string"}\n'))
    assert [case.suite for case in cases.sent] == ["TestA", "TestA", "TestB"]
    assert cases.sent[0].id == cases.sent[2].id == "00404e686415"
    assert cases.skipped == {AGAIN: 1, "minLength above 1000": 1}
    assert str(cases).startswith("3 of 5 schemas are sent; left out: 1: the same schema again")


@pytest.mark.parametrize(
    ("suites", "message"),
    [
        ({}, "There is no SUITE/valid.jsonl"),
        ({"TestA": "{}\nnonsense\n"}, "Line 2 is not JSON"),
        ({"Test A": "{}\n"}, "letters, digits"),
    ],
)
def test_unreadable_folder(suites: Mapping[str, str], message: str, tmp_path: Path) -> None:
    """What is wrong is said before anything is sent."""
    with pytest.raises(UsageError, match=message):
        from_folder(_folder(tmp_path, **suites))


def test_texts_are_checked_within_bounds() -> None:
    """Length, depth and the number of references are limited; beyond that nothing is said."""
    filter_ = CASES["references.filter"].schema
    branching = {
        "$ref": "#/$defs/N",
        "$defs": {
            "N": {
                "anyOf": [
                    {"type": "object", "properties": {"a": {"$ref": "#/$defs/N"}, name: {"type": "null"}}}
                    for name in ("b", "c")
                ]
            }
        },
    }
    deep: Json = 1
    for _ in range(40):
        deep = {"a": deep}
    for text, schema in (
        ('"' + "x" * LONGEST + '"', filter_),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), filter_),
        (orjson.dumps(deep).decode(), branching),
    ):
        with pytest.raises(Undecided):
            complaint(text, schema)


CLOSED = CASES["additional-properties.closed"]


def _exchange(
    arguments: str | None, *, name: str = TOOL, finish: str = "tool_calls", content: str = "", times: int = 1
) -> Exchange:
    calls = () if arguments is None else (ToolCall(id="1", name=name, arguments=arguments),) * times
    return Exchange(call=0, completion=Completion(content=content, tool_calls=calls, finish_reason=finish))


def _rejection(status: int, message: str = "no") -> Exchange:
    return Exchange(call=0, rejection=Rejection(status=status, message=message, body=message))


def _probe(name: str = "additional-properties.closed", mode: str = "plain") -> Probe:
    probes = mfjs.probes(loader.load("kimi-k3"), Options())
    return next(probe for probe in probes if probe.id == f"mfjs.{name}.{mode}")


def _asked(probe: Probe, *exchanges: Exchange) -> Request | None:
    assert probe.then is not None
    return probe.then(exchanges)


FITS = _exchange('{"value":{"station":"a","platform":1}}')
WRONG = _exchange('{"value":{"station":1,"platform":1}}')
CUT = _exchange('{"value":{"stat', finish="length")
BAD = (WRONG, WRONG, WRONG)


def test_request_forces_a_strict_call() -> None:
    """One strict tool, which must be called; thinking is off where it can be."""
    probe = _probe()
    (request,) = probe.requests
    assert request.body["tool_choice"] == "required"
    assert request.body["tools"][0]["function"]["strict"] is True
    assert request.body["tools"][0]["function"]["parameters"] == CLOSED.schema
    assert request.thinking is Thinking.UNSET
    switchable = next(mfjs.probes(loader.load("kimi-k2.6"), Options()))
    assert switchable.requests[0].thinking is Thinking.OFF


def test_nothing_is_asked_of_a_model_without_the_contract() -> None:
    """K2-0905 documents no tool schemas."""
    assert not list(mfjs.probes(loader.load("kimi-k2-0905"), Options()))


@pytest.mark.parametrize(("tier", "requests"), [("smoke", 6), ("standard", 36), ("full", 240)])
def test_tiers(tier: str, requests: int) -> None:
    """Six schemas, then thirty of which six are streamed too, then all in both modes."""
    chosen = [probe for probe in mfjs.probes(loader.load("kimi-k3"), Options()) if _within(probe, tier)]
    assert len(chosen) == len({probe.id for probe in chosen}) == requests


def _within(probe: Probe, tier: str) -> bool:
    return TIERS.index(probe.tier) <= TIERS.index(tier)


def test_what_follows_from_the_answers() -> None:
    """Up to three tries; then without a stream, once; a refusal is followed by the plainest schema, once."""
    plain, streamed = _probe(), _probe(mode="streamed")
    assert _asked(plain, FITS) is None
    assert _asked(plain, WRONG) == plain.requests[0]
    assert _asked(plain, WRONG, FITS) is None
    assert _asked(plain, *BAD) is None
    assert _asked(streamed, WRONG) == streamed.requests[0]
    again = _asked(streamed, *BAD)
    assert again is not None
    assert again.stream is False
    assert again.body["tools"] == streamed.requests[0].body["tools"]
    assert _asked(streamed, *BAD, WRONG) is None
    control = _asked(plain, WRONG, _rejection(400))
    assert control is not None
    assert control.body["tools"][0]["function"]["parameters"] == mfjs.CONTROL
    assert _asked(plain, _rejection(422), FITS) is None
    assert _asked(plain, _rejection(400), _rejection(400)) is None
    assert _asked(plain, _rejection(404)) is None


def test_any_try_may_fit() -> None:
    """The contract holds; the rates tell first tries from later ones."""
    probe = _probe()
    assert probe.judge([FITS]).metrics == {"mfjs_first_try": 1.0, "mfjs_with_retries": 1.0}
    late = probe.judge([WRONG, CUT, FITS])
    assert late.value == 1.0
    assert late.metrics == {"mfjs_first_try": 0.0, "mfjs_with_retries": 1.0}


@pytest.mark.parametrize(
    ("exchanges", "cause"),
    [
        (BAD, mfjs.NOT_ENFORCED),
        ((CUT, CUT, WRONG), mfjs.NOT_ENFORCED),
        ((WRONG, CUT, CUT), mfjs.NOT_ENFORCED),
        ((_exchange('{"value":{"station":"a"}}'),) * 3, mfjs.REQUIRED_DROPPED),
        ((_exchange('{"value":{"station":"a","platform":1,"x":1}}'),) * 3, mfjs.EXTRA_ADDED),
        ((_exchange('{"value":'),) * 3, mfjs.NOT_JSON),
        ((_exchange(""),) * 3, mfjs.NOT_JSON),
        ((_exchange('"{\\"value\\":1}"'),) * 3, mfjs.JSON_IN_TEXT),
        ((_exchange('"text"'),) * 3, mfjs.NOT_ENFORCED),
        ((_exchange(None, finish="stop", content="Hello"),) * 3, mfjs.NO_CALL),
        ((_exchange('{"value":1}', name="other"),) * 3, mfjs.NO_CALL),
    ],
)
def test_broken(exchanges: Sequence[Exchange], cause: mfjs.ProbeCause) -> None:
    """No try fits: the last that was whole says why."""
    score = _probe().judge(exchanges)
    assert (score.value, score.cause, score.remedy) == (0.0, cause.cause, cause.remedy)
    assert score.metrics == {"mfjs_first_try": 0.0, "mfjs_with_retries": 0.0}


def test_every_call_must_fit() -> None:
    """A good call beside a bad one is not enough."""
    calls = tuple(
        ToolCall(id="1", name=TOOL, arguments=text)
        for text in ('{"value":{"station":"a","platform":1}}', '{"value":1}')
    )
    answer = Exchange(call=0, completion=Completion(content="", tool_calls=calls, finish_reason="tool_calls"))
    assert _probe().judge([answer] * 3).cause == mfjs.NOT_ENFORCED.cause


def test_stream_is_told_from_the_schema() -> None:
    """What fits only without a stream points at the stream."""
    probe = _probe(mode="streamed")
    assert probe.judge([*BAD, FITS]).cause == mfjs.STREAM_ONLY.cause
    assert probe.judge([*BAD, WRONG]).cause == mfjs.NOT_ENFORCED.cause
    assert probe.judge([*BAD, _rejection(400)]).cause == mfjs.NOT_ENFORCED.cause


@pytest.mark.parametrize(
    ("message", "keyword"),
    [
        ("unsupported keyword: $ref", "$ref"),
        ("schema with $references", ""),
        ("anyOf is not supported beside $defs", "$defs"),
        ("'minLength' cannot be compiled", ""),
        ("invalid type", ""),
    ],
)
def test_refusal_names_the_keyword(message: str, keyword: str) -> None:
    """Only a word that the schema has counts."""
    score = _probe("references.linked-list").judge([_rejection(400, f"HTTP 400: {message}"), FITS])
    assert (score.answer, score.cause) == ("rejected", refused_cause(keyword).cause)
    assert message in score.explanation


@pytest.mark.parametrize(
    "exchanges",
    [
        (_rejection(400), _rejection(400)),
        (_rejection(400),),
        (_rejection(404),),
        (_rejection(413), FITS),
        (WRONG, _rejection(404)),
        (CUT, CUT, CUT),
        (_exchange(" " * (LONGEST + 1)),) * 3,
        (_exchange("[" * 100 + "]" * 100),) * 3,
        (),
    ],
)
def test_undecided(exchanges: Sequence[Exchange]) -> None:
    """Nothing is said of the schema when the request around it is refused, or no answer was whole."""
    with pytest.raises(Undecided):
        _probe().judge(exchanges)


HOSTILE = (
    _exchange("[" * 5000),
    _exchange("[" * 900 + "]" * 900),
    _exchange('{"value":' * 60 + "1" + "}" * 60),
    _exchange('{"value":1e999}'),
    _exchange('{"value":' + "9" * 5000 + "}"),
    _exchange('"' + "\\u0000\ufffe" * 100 + '"'),
    _exchange("\ud800"),
    _exchange('{"value":{"\ud800":1}}'),
    _exchange("null"),
    _exchange("{}", name="::error::x\n" * 1000),
    _exchange("{}", times=500),
    _exchange(None, content="x" * 10**6, finish="::error::"),
    _rejection(400, "$ref" * 10**5),
    _rejection(499, "\x00"),
)


@pytest.mark.parametrize("mode", ["plain", "streamed"])
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_answers_are_judged(hostile: Exchange, mode: str) -> None:
    """Whatever comes back, there is a score or none; texts stay short."""
    for name in ("references.binary-tree", "references.linked-list", "basic-types.string", "enforcer.sql-filter"):
        probe = _probe(name, mode)
        for exchanges in ((hostile,), (hostile, FITS), (hostile,) * 3, (hostile,) * 4, (WRONG, hostile, hostile)):
            _asked(probe, *exchanges)
            try:
                score = probe.judge(exchanges)
            except Undecided:
                continue
            assert isinstance(score, Score)
            assert len(score.explanation) < 2000 or exchanges[0].rejection is not None


@pytest.mark.pipeline
def test_cases_of_a_folder_are_sent_at_every_tier(tmp_path: Path) -> None:
    """Beside the corpus, in both modes, with a line on what was left out."""
    folder = _folder(tmp_path, TestA='{"type":"string"}\n{"type":"string","minLength":2000}\n')
    seen = precheck(tmp_path / "out", tier="smoke", mfjs_cases=str(folder))
    assert not seen.broken
    assert not seen.failed
    given = {name for name in seen.cases if name.startswith(("mfjs.TestA.", "mfjs.cases."))}
    assert given == {"mfjs.TestA.00404e686415.streamed", "mfjs.TestA.00404e686415.plain", "mfjs.cases.plainest.plain"}
    said = seen.cases["mfjs.cases.plainest.plain"].explanation
    assert said == "the arguments fit at try 1; 1 of 2 schemas are sent; left out: 1: minLength above 1000"


Rule = Callable[[Mapping[str, Json]], bool]


def _allows(schema: Mapping[str, Json], arguments: Json) -> bool:
    return Draft202012Validator(schema).is_valid(arguments)


def _value(schema: Mapping[str, Json], change: Callable[[Json], Json]) -> bool:
    """Whether changed arguments are still allowed."""
    return _allows(schema, {"value": change(minimal(schema)["value"])})


def _holds(schema: Json, *keywords: str) -> bool:
    text = orjson.dumps(schema).decode()
    return any(f'"{keyword}":' in text for keyword in keywords)


def _enum_of_texts_or_numbers(schema: Mapping[str, Json]) -> bool:
    return _holds(schema, "enum") and not _allows(schema, _generated(schema, outside_enum))


def _breaks_bounds(schema: Mapping[str, Json]) -> bool:
    return _holds(schema, *BOUNDS) and not _allows(schema, _generated(schema, without_bounds))


def _generated(schema: Json, change: Callable[[dict[str, Json]], Json]) -> Json:
    from benchmarks.precheck.mfjs.subschemas import rebuilt

    return minimal(rebuilt(schema, change))


BOTH = ("streamed", "plain")
FAULTS: Mapping[str, tuple[Rule, tuple[str, ...], str]] = {
    "ignores-tool-schema": (lambda schema: not _value(schema, wrong_type), BOTH, mfjs.NOT_ENFORCED.cause),
    "drops-schema-required": (lambda schema: not _value(schema, without_last), BOTH, mfjs.REQUIRED_DROPPED.cause),
    "adds-extra-arguments": (lambda _: True, BOTH, mfjs.EXTRA_ADDED.cause),
    "ignores-enum": (_enum_of_texts_or_numbers, BOTH, mfjs.ENUM_IGNORED.cause),
    "ignores-schema-bounds": (_breaks_bounds, BOTH, mfjs.BOUNDS_IGNORED.cause),
    "refuses-schema-refs": (lambda schema: _holds(schema, "$ref"), BOTH, "tool schemas with $ref are refused"),
    "refuses-anyof": (lambda schema: _holds(schema, "anyOf"), BOTH, "tool schemas with anyOf are refused"),
    "schema-only-plain": (lambda schema: not _value(schema, wrong_type), ("streamed",), mfjs.STREAM_ONLY.cause),
    "encodes-strict-arguments-twice": (lambda _: True, BOTH, mfjs.JSON_IN_TEXT.cause),
    "cuts-strict-arguments": (lambda _: True, BOTH, mfjs.NOT_JSON.cause),
    "answers-instead-of-strict-call": (lambda _: True, BOTH, mfjs.NO_CALL.cause),
}
"""Which schemas a fault breaks, in which modes, and the cause."""


@pytest.mark.pipeline
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_breaks_exactly_its_schemas(fault: str, tmp_path: Path) -> None:
    """The probes of the schemas that the fault's rule fits, all for one cause, and nothing else in any suite."""
    rule, modes, cause = FAULTS[fault]
    seen = precheck(tmp_path / "out", faults=(fault,), tier="standard")
    asked = {probe.id for probe in mfjs.probes(loader.load("kimi-k3"), Options()) if probe.tier != "full"}
    expected = asked & {f"mfjs.{name}.{mode}" for name in CASES for mode in modes if rule(CASES[name].schema)}
    assert expected
    assert seen.broken == dict.fromkeys(expected, cause)
    seen.assert_one_cause()
    assert not seen.failed


@pytest.mark.pipeline
def test_retries_are_seen_in_the_rates(tmp_path: Path) -> None:
    """A vendor that needs a second try passes, and its first-try rate says so."""
    seen = precheck(tmp_path / "out", faults=("schema-wrong-at-first",), tier="standard")
    assert not seen.broken
    assert not seen.failed
    assert seen.result.metrics["mfjs_with_retries"] == 1.0
    assert seen.result.metrics["mfjs_first_try"] == 0.0
