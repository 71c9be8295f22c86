"""`response_format`: text, any JSON object, JSON by a schema, and what must be refused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import orjson

from benchmarks.precheck.again import TRIES
from benchmarks.precheck.ask import MODES, ask
from benchmarks.precheck.calls import schema_of
from benchmarks.precheck.causes import PLAIN_EMPTY, ProbeCause
from benchmarks.precheck.mfjs.check import SchemaFault, complaint, shown
from benchmarks.precheck.probe import REFUSALS, Probe, broken, holds, refused
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Contract, Profile
from kvv_action.schema import Completion, Exchange, Json, Request, Score, Thinking

QUESTION = "How is the weather in Riga today? Make it up. Answer in JSON, with the key city among others."
SENTENCE = "Describe the sea in one sentence."
FENCE = "```"

ANY_OBJECT: Mapping[str, Json] = {"type": "object"}
KEY = "city"
"""The key that the question asks for, of any object as well."""
CITY: Mapping[str, Json] = {"city": {"type": "string"}}
REPORT = schema_of({**CITY, "degrees": {"type": "number"}})
NESTED = schema_of({
    **CITY,
    "now": schema_of({"wind": schema_of({"speed": {"type": "number"}, "gusts": {"type": "boolean"}})}),
})  # fmt: skip
ENUMS = schema_of({
    "city": {"type": "string", "enum": ["Riga", "Tartu", "Vilnius"]},
    "sky": {"type": "string", "enum": ["clear", "cloudy", "overcast"]},
    "force": {"type": "integer", "enum": [3, 5, 8]},
})  # fmt: skip
HOUR = schema_of({"hour": {"type": "integer"}, "degrees": {"type": "number"}})
LISTS = schema_of({**CITY, "hours": {"type": "array", "minItems": 2, "maxItems": 4, "items": HOUR}})
TINY = schema_of({"rain": {"type": "boolean"}})

# fmt: off
IGNORED = ProbeCause("response_format is ignored",
    "pass response_format on to guided decoding; a proxy may drop the field")
FENCED = ProbeCause("JSON is wrapped in a code fence",
    "constrain the output from its first character: the model only follows a prompt that asks for JSON")
SCHEMA_IGNORED = ProbeCause("the schema in response_format is not enforced",
    "compile json_schema.schema for guided decoding; strict is true unless the client says false")
NOT_AN_OBJECT = ProbeCause("json_object gives JSON that is no object",
    "constrain json_object to an object at the top")
IN_REASONING = ProbeCause("JSON ends up in the reasoning instead of the content",
    "start guided decoding after the thinking ends, and let the reasoning parser end at the same marker")
NOT_COMPACT = ProbeCause("strict JSON is written with line breaks or tabs",
    "turn free white space off in the guided-decoding grammar: it costs tokens, and models may never leave it")
MODES_DIFFER = ProbeCause("response_format works differently when streamed",
    "apply response_format and the reasoning parser in the streaming path as well")
KEY_MISSING = ProbeCause("a JSON object lacks the key that the prompt asks for",
    "tell the model about response_format in its prompt, and constrain JSON without cutting the object short")
FORMAT_REFUSED = ProbeCause("a valid response_format is refused",
    "accept text, json_object and json_schema, with strict left out, true or false")
FORMAT_UNCHECKED = ProbeCause("an invalid response_format is accepted",
    "refuse it with HTTP 400: a client that misspells its schema gets text and no warning")
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A valid format, as a probe.

    Attributes:
        sent: the field as it goes out; None leaves it away.
        schema: what the content must follow.
        tier: the smallest that sends it.
        streamed: the smallest that sends it as a stream as well; empty when none does.
        keyed: the object must have the key that the question asks for.
    """

    name: str
    sent: Json
    schema: Mapping[str, Json]
    tier: str = "standard"
    streamed: str = ""
    thinking: Thinking = Thinking.UNSET
    compact: bool = False
    keyed: bool = False


def by_schema(schema: Json, **fields: Json) -> dict[str, Json]:
    """A `json_schema` format."""
    return {"type": "json_schema", "json_schema": {"name": "weather_report", "schema": schema, **fields}}


FORMATS = (
    Format(name="json-object", sent={"type": "json_object"}, schema=ANY_OBJECT, streamed="standard", keyed=True),
    Format(name="default-strict", sent=by_schema(REPORT), schema=REPORT, tier="smoke", streamed="standard"),
    Format(name="strict", sent=by_schema(REPORT, strict=True), schema=REPORT),
    Format(name="not-strict", sent=by_schema(REPORT, strict=False), schema=ANY_OBJECT),
    Format(name="nested", sent=by_schema(NESTED, strict=True), schema=NESTED, streamed="full"),
    Format(name="enum", sent=by_schema(ENUMS, strict=True), schema=ENUMS),
    Format(name="list", sent=by_schema(LISTS, strict=True), schema=LISTS, streamed="full"),
    Format(name="compact", sent=by_schema(TINY, strict=True), schema=TINY, streamed="standard", compact=True),
)
WHILE_THINKING = Format(
    name="thinking", sent=by_schema(REPORT, strict=True), schema=REPORT, streamed="full", thinking=Thinking.ON
)

INVALID: Mapping[str, Json] = {
    "unknown-type": {"type": "json_schemas", "json_schema": {"name": "weather_report", "schema": REPORT}},
    "no-json-schema": {"type": "json_schema"},
    "no-name": {"type": "json_schema", "json_schema": {"schema": REPORT}},
    "no-schema": {"type": "json_schema", "json_schema": {"name": "weather_report"}},
    "strict-no-boolean": by_schema(REPORT, strict="yes"),
    "schema-no-object": by_schema("weather"),
}
"""Formats that must be refused, by name of the probe."""

NAMES = ("response_format", "json_schema", "schema", "strict")
OTHERS = ("max_tokens", "temperature", "top_p", "thinking")
"""What a refusal may name: the format, or something that is not at issue."""


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    if Contract.RESPONSE_FORMAT not in profile.contracts:
        return
    text = ask(profile, SENTENCE, response_format={"type": "text"})
    yield Probe(id="response-format.text", requests=(text,), judge=_is_text, tier="standard")
    for form in FORMATS:
        yield from _asked(profile, form)
    if profile.thinking.supported and options.think_mode != "none":
        yield from _asked(profile, WHILE_THINKING)
    requests = tuple(_request(profile, by_schema(REPORT), stream=stream) for _, stream in MODES)
    yield Probe(id="response-format.modes-agree", requests=requests, judge=_agree, together=True, tier="standard")
    control = _request(profile, by_schema(REPORT, strict=True), stream=None)
    for name, sent in INVALID.items():
        yield Probe(
            id=f"response-format.refuses.{name}",
            requests=(control, _request(profile, sent, stream=None)),
            judge=partial(_must_refuse, name),
            tier="standard",
        )


def _asked(profile: Profile, form: Format) -> Iterator[Probe]:
    for mode, stream in MODES:
        if tier := form.streamed if stream else form.tier:
            request = _request(profile, form.sent, stream=stream, thinking=form.thinking)
            yield Probe(
                id=f"response-format.{form.name}.{mode}",
                requests=(request,),
                judge=partial(_follows, form),
                then=partial(_once_more, request) if form.keyed else None,
                at_most=TRIES - 1 if form.keyed else 0,
                tier=tier,
            )


def _once_more(request: Request, exchanges: Sequence[Exchange]) -> Request | None:
    """The same request, while the key is missing: which keys an object has is the model's choice."""
    answer = exchanges[-1].completion
    return request if len(exchanges) < TRIES and answer is not None and _keyless(answer) else None


def _keyless(answer: Completion) -> bool:
    """Whether the content is a JSON object without the key that was asked for."""
    return complaint(answer.content, ANY_OBJECT) is None and KEY not in orjson.loads(answer.content)


def _request(profile: Profile, sent: Json, *, stream: bool | None, thinking: Thinking = Thinking.UNSET) -> Request:
    return ask(profile, QUESTION, stream=stream, thinking=thinking, response_format=sent)


def _answer(exchange: Exchange) -> Completion | Score:
    """The answer to a valid format, or the judgement of its refusal.

    Raises:
        Undecided: it is not the format that was refused, or the answer was cut short.
    """
    rejection = exchange.rejection
    if rejection is not None:
        if rejection.status not in REFUSALS or _about_others(rejection.body or rejection.message):
            raise Undecided(f"{refused(exchange)} is no refusal of response_format")
        return broken(f"refused: {refused(exchange)}", FORMAT_REFUSED, outcome="rejected")
    if exchange.completion is None:
        raise Undecided("there is no answer")
    if exchange.completion.finish_reason == "length":
        raise Undecided("the answer ended at max_tokens before it was whole")
    return exchange.completion


def _about_others(said: str) -> bool:
    """Whether a refusal names other fields only."""
    return any(name in said for name in OTHERS) and not any(name in said for name in NAMES)


def _is_text(exchanges: Sequence[Exchange]) -> Score:
    answer = _answer(exchanges[0])
    if isinstance(answer, Score):
        return answer
    if not answer.content:
        return broken("the answer holds no text", PLAIN_EMPTY)
    return holds(f"{len(answer.content)} characters of text")


def _follows(form: Format, exchanges: Sequence[Exchange]) -> Score:
    answer = _answer(exchanges[-1] if form.keyed else exchanges[0])
    if isinstance(answer, Score):
        return answer
    wrong = _wrong(answer, form.schema)
    if wrong is not None:
        return wrong
    if form.compact and ("\n" in answer.content or "\t" in answer.content):
        return broken(f"line breaks or tabs: {shown(answer.content)!r}", NOT_COMPACT)
    if form.keyed and _keyless(answer):
        return broken(f"no key {KEY} ({len(exchanges)} times): {shown(answer.content)!r}", KEY_MISSING)
    return holds(f"JSON that fits: {shown(answer.content)}")


def _wrong(answer: Completion, schema: Mapping[str, Json]) -> Score | None:
    """The judgement of content that is not JSON by `schema`.

    Raises:
        Undecided: the content is too large to check.
    """
    found = complaint(answer.content, schema)
    if found is None:
        return None
    if found.fault is SchemaFault.NOT_JSON:
        return broken(found.text, _not_json(answer))
    return broken(found.text, NOT_AN_OBJECT if schema is ANY_OBJECT else SCHEMA_IGNORED)


def _not_json(answer: Completion) -> ProbeCause:
    if answer.content.lstrip().startswith(FENCE):
        return FENCED
    if not answer.content.strip() and answer.reasoning.rstrip().endswith(("}", "]")):
        return IN_REASONING
    return IGNORED


def _agree(exchanges: Sequence[Exchange]) -> Score:
    """Both answers follow the schema, or neither does (which other probes report)."""
    answers = [_answer(exchange) for exchange in exchanges]
    forms = [_form(answer) for answer in answers]
    words = " and ".join(f"{form} when {mode}" for form, (mode, _) in zip(forms, MODES, strict=True))
    if len(set(forms)) > 1:
        return broken(f"the content is {words}", MODES_DIFFER)
    return holds(f"the content is {words}")


def _form(answer: Completion | Score) -> str:
    """What kind of content came, in words."""
    if isinstance(answer, Score):
        return "refused"
    found = complaint(answer.content, REPORT)
    if found is None:
        spread = "\n" in answer.content or "\t" in answer.content
        return "JSON over several lines" if spread else "JSON in one line"
    if found.fault is SchemaFault.NOT_VALID:
        return "other JSON"
    return {FENCED: "fenced", IN_REASONING: "in the reasoning"}.get(_not_json(answer), "no JSON")


def _must_refuse(name: str, exchanges: Sequence[Exchange]) -> Score:
    control, changed = exchanges
    if control.completion is None:
        raise Undecided(f"a valid response_format is refused too ({refused(control)})")
    if changed.rejection is None:
        return broken(f"{name} was accepted", FORMAT_UNCHECKED, outcome="accepted")
    said = changed.rejection.body or changed.rejection.message
    if changed.rejection.status not in REFUSALS or _about_others(said):
        raise Undecided(f"{refused(changed)} is no refusal of response_format")
    return holds(f"{name} was refused: {refused(changed)}")
