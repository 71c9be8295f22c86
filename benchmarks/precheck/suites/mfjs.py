"""Tool schemas: arguments of a forced call follow the tool's `parameters`, whatever part of MFJS these use.

Each schema is the only tool of a request with `strict: true` and `tool_choice: "required"`, streamed and not. A model
samples, so an answer that does not fit is asked for again; the contract is broken when no try fits.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import orjson

from benchmarks.precheck.ask import MODES, ask
from benchmarks.precheck.calls import schema_of
from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.mfjs.cases import Cases, SchemaCase, corpus, from_folder
from benchmarks.precheck.mfjs.check import Complaint, SchemaFault, complaint, shown
from benchmarks.precheck.probe import HOLDS, REFUSALS, Judge, Probe, broken, holds, informs, refused
from kvv_action.benchmark import Options
from kvv_action.digits import counted
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Contract, Profile
from kvv_action.report.kvv_groups import CASES, HELD
from kvv_action.schema import Completion, Exchange, Json, Rejection, Request, Score, Thinking

TRIES = 3
TOOL = "submit_value"
PROMPT = (
    f"Call {TOOL} once, now. Make up a small value that its parameters allow: give every required property, invent "
    "no others, keep within every bound. Do not explain."
)
CONTROL = schema_of({"value": {"type": "string"}})
"""The plainest schema: asked for when another one was refused, to tell the schema from the request around it."""

SMOKE = (
    "any-of.tagged-shapes", "enforcer.calendar-event", "number-format.in-object", "range-constraints.items-exactly",
    "references.linked-list", "required.all",
)  # fmt: skip
"""The schemas that fail most often: unions, nesting, enums, bounds, recursion, required properties."""
STANDARD = (
    *SMOKE, "additional-properties.closed", "additional-properties.of-objects", "any-of.number-or-null",
    "any-of.one-or-many", "basic-types.every-type", "basic-types.names-like-keywords",
    "basic-types.names-in-other-scripts", "defs.used-twice", "description.quotes-and-braces", "enforcer.form",
    "enforcer.payment", "enforcer.sql-filter", "enforcer.texts-like-literals", "id.with-defs",
    "keywords.default-of-each-scalar", "nested-defs.property-of-a-definition", "nested-defs.three-deep",
    "range-constraints.integer-between", "range-constraints.text-at-least", "ref-in-properties.beside-others",
    "references.self", "references.two-in-turn", "single-type-in-array.object", "type-location.in-items",
)  # fmt: skip
# fmt: off
NOT_ENFORCED = ProbeCause("tool arguments do not follow the tool's schema",
    "turn guided decoding on for tools with strict: true (a structured-output backend such as xgrammar), and check "
    "that the tool parser hands over the arguments as they were generated")
REQUIRED_DROPPED = ProbeCause("required tool arguments are left out",
    "check that guided decoding reads `required` in nested objects and in $defs, and that the tool parser hands "
    "over every argument")
EXTRA_ADDED = ProbeCause("tool arguments hold properties that the schema forbids",
    "check that guided decoding honours `additionalProperties: false` (some backends read a missing one as false, "
    "or false as missing)")
ENUM_IGNORED = ProbeCause("tool arguments hold values outside an enum",
    "check that guided decoding compiles `enum`, also for numbers and beside null")
BOUNDS_IGNORED = ProbeCause("tool arguments break the schema's bounds",
    "check that the guided-decoding backend compiles minimum, maximum, minLength, maxLength, minItems and "
    "maxItems: some skip what they do not know in silence")
STREAM_ONLY = ProbeCause("tool arguments follow the schema only when not streamed",
    "look at the tool parser's streaming path: the same schema is followed without streaming, so pieces of the "
    "arguments are lost, repeated or out of order")
NOT_JSON = ProbeCause("tool arguments are not JSON",
    "check the tool parser: the text between the argument markers must be handed over whole and unchanged")
JSON_IN_TEXT = ProbeCause("tool arguments are JSON inside a JSON text",
    "do not encode the arguments again: they are JSON text already when the tool parser cuts them out")
NO_CALL = ProbeCause("a forced tool call is not made",
    "honour tool_choice: required (guided decoding must start with the call), and check that the tool parser finds "
    "calls")
# fmt: on

BY_KEYWORD: Mapping[str, ProbeCause] = {
    "required": REQUIRED_DROPPED,
    "additionalProperties": EXTRA_ADDED,
    "enum": ENUM_IGNORED,
    **dict.fromkeys(("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"), BOUNDS_IGNORED),
}
"""The cause for each keyword that does not hold; for other keywords it is `NOT_ENFORCED`."""

REFUSABLE = (
    "$ref", "$defs", "$id", "anyOf", "additionalProperties", "enum", "minLength", "maxLength", "minItems", "maxItems",
    "minimum", "maximum", "strict",
)  # fmt: skip
"""Words by which a refusal says which part of a schema it is about, the telling ones first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """The result of asking once; without a complaint the arguments fit."""

    complaint: str = ""
    cause: ProbeCause | None = None
    cut: bool = False


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """Every schema of the corpus in both modes."""
    del options
    if Contract.TOOL_SCHEMA not in profile.contracts:
        return
    for case in corpus():
        for mode, stream in MODES:
            yield _probe(profile, case, mode, stream=stream, tier=_tier(case.name, stream=stream))


def further(profile: Profile, folder: str) -> Iterator[Probe]:
    """Every schema of a folder in both modes; nothing without a folder."""
    if not folder or Contract.TOOL_SCHEMA not in profile.contracts:
        return
    given = from_folder(Path(folder))
    control = SchemaCase(suite="cases", id="plainest", schema=CONTROL)
    plainest = _probe(profile, control, "plain", stream=False, tier="smoke")
    yield replace(plainest, judge=_allowed(profile, partial(_judge_counted, given)))
    for case in given.sent:
        for mode, stream in MODES:
            probe = _probe(profile, case, mode, stream=stream, tier="smoke")
            yield replace(probe, judge=partial(_of_kvv, probe.judge)) if case.of_kvv else probe


def _of_kvv(judge: Judge, exchanges: Sequence[Exchange]) -> Score:
    """The judgement with the numbers for KVV's own table."""
    score = judge(exchanges)
    return replace(score, counts={f"{CASES}/mfjs": 1, f"{HELD}/mfjs": int(score.answer == HOLDS)})


def _tier(name: str, *, stream: bool) -> str:
    """Streams come one tier later."""
    if stream:
        return "standard" if name in SMOKE else "full"
    return "smoke" if name in SMOKE else "standard" if name in STANDARD else "full"


def _probe(profile: Profile, case: SchemaCase, mode: str, *, stream: bool, tier: str) -> Probe:
    name = f"mfjs.{case.name}.{mode}"
    ask_for = partial(_request, profile, name)
    return Probe(
        id=name,
        requests=(ask_for(case.schema, stream=stream),),
        then=partial(_then, ask_for, case.schema, stream),
        at_most=TRIES,
        judge=_allowed(profile, partial(_judge, case.schema, stream)),
        tier=tier,
    )


def _allowed(profile: Profile, judge: Judge) -> Judge:
    """The judge of a forced call; of a model that may always think, the official API refuses every forced call."""
    always_thinks = not profile.thinking.switchable
    return partial(_unless_all_refused, judge) if profile.may_refuse_forced_calls(thinking=always_thinks) else judge


def _unless_all_refused(judge: Judge, exchanges: Sequence[Exchange]) -> Score:
    if exchanges and all(one.rejection is not None and one.rejection.status in REFUSALS for one in exchanges):
        return informs(f"forced calls are refused, as the official API refuses them: {refused(exchanges[0])}")
    return judge(exchanges)


def _request(profile: Profile, name: str, schema: Mapping[str, Json], *, stream: bool) -> Request:
    """A forced call of a tool with `schema`; the prompt ends with the probe's name, to be found in a server's log.

    Thinking is turned off where the official API forces no calls while a model thinks: it answers "tool_choice
    'required' is incompatible with thinking enabled" (https://github.com/UKGovernmentBEIS/inspect_ai/pull/5152).
    """
    rules, strict = profile.thinking, profile.may_refuse_forced_calls(thinking=True)
    function = {"name": TOOL, "description": "Takes one value.", "parameters": schema, "strict": True}
    return ask(
        profile,
        f"{PROMPT} ({name})",
        stream=stream,
        thinking=Thinking.OFF if rules.switchable or (rules.switch_open and strict) else Thinking.UNSET,
        tools=[{"type": "function", "function": function}],
        tool_choice="required",
    )


def _judge_counted(cases: Cases, exchanges: Sequence[Exchange]) -> Score:
    """Judges the plainest schema, and says in the report what was left out of the folder."""
    score = _judge(CONTROL, False, exchanges)
    return replace(score, explanation=f"{score.explanation}; {cases}")


def _tries(schema: Mapping[str, Json], exchanges: Sequence[Exchange]) -> list[Try]:
    """The answers to the schema itself, up to the first that fits or was refused."""
    tries: list[Try] = []
    for exchange in exchanges[:TRIES]:
        if exchange.completion is None:
            break
        tries.append(_try(schema, exchange.completion))
        if not tries[-1].complaint:
            break
    return tries


def _then(
    ask_for: Callable[..., Request], schema: Mapping[str, Json], stream: bool, exchanges: Sequence[Exchange]
) -> Request | None:
    """Ask again; ask plainly what never fits in a stream; ask for the plainest schema when this one is refused."""
    tries = _tries(schema, exchanges)
    if tries and not tries[-1].complaint:
        return None
    answered = len(tries)
    if answered < len(exchanges[:TRIES]):
        rejection = exchanges[answered].rejection
        again = len(exchanges) == answered + 1 and rejection is not None and rejection.status in REFUSALS
        return ask_for(CONTROL, stream=stream) if again else None
    if answered < TRIES:
        return ask_for(schema, stream=stream)
    return ask_for(schema, stream=False) if stream and len(exchanges) == TRIES else None


def _judge(schema: Mapping[str, Json], stream: bool, exchanges: Sequence[Exchange]) -> Score:
    tries = _tries(schema, exchanges)
    if tries and not tries[-1].complaint:
        first = float(len(tries) == 1)
        return holds(f"the arguments fit at try {len(tries)}", mfjs_first_try=first, mfjs_with_retries=1.0)
    after = exchanges[len(tries) :]
    if len(tries) < TRIES and after:
        return _refused(schema, after)
    worst = next((tried for tried in reversed(tries) if not tried.cut), None)
    if worst is None or worst.cause is None:
        raise Undecided(tries[-1].complaint if tries else "nothing was answered")
    cause = worst.cause
    if stream and any(_fits(schema, exchange) for exchange in after):
        cause = STREAM_ONLY
    return _broken(f"{counted(len(tries), 'try', 'tries')}, the last: {worst.complaint}", cause)


def _broken(explanation: str, cause: ProbeCause, outcome: str = "broken") -> Score:
    return broken(explanation, cause, outcome=outcome, mfjs_first_try=0.0, mfjs_with_retries=0.0)


def _fits(schema: Mapping[str, Json], exchange: Exchange) -> bool:
    return exchange.completion is not None and not _try(schema, exchange.completion).complaint


def _try(schema: Mapping[str, Json], answer: Completion) -> Try:
    """Judge one answer."""
    calls = [call for call in answer.tool_calls if call.name == TOOL]
    found = None
    try:
        for call in calls:
            found = found or complaint(call.arguments, schema)
    except Undecided as reason:
        return Try(complaint=str(reason), cut=True)
    if calls and found is None:
        return Try()
    if answer.finish_reason == "length":
        return Try(complaint="the answer ended at max_tokens before the call was whole", cut=True)
    if found is not None:
        return Try(complaint=found.text, cause=_cause(found, [call.arguments for call in calls]))
    if answer.tool_calls:
        names = ", ".join(shown(call.name) for call in answer.tool_calls[:3])
        return Try(complaint=f"only other tools were called: {names}", cause=NO_CALL)
    return Try(complaint=f"no call; content: {shown(answer.content)!r}", cause=NO_CALL)


def _cause(found: Complaint, texts: Sequence[str]) -> ProbeCause:
    if found.fault is SchemaFault.NOT_JSON:
        return NOT_JSON
    if any(_is_json_in_text(text) for text in texts):
        return JSON_IN_TEXT
    return BY_KEYWORD.get(found.keyword, NOT_ENFORCED)


def _is_json_in_text(text: str) -> bool:
    """Whether `text` is JSON for a text that is itself JSON for an object."""
    try:
        inner = orjson.loads(text)
        return isinstance(inner, str) and isinstance(orjson.loads(inner), dict)
    except orjson.JSONDecodeError:
        return False


def _refused(schema: Mapping[str, Json], exchanges: Sequence[Exchange]) -> Score:
    """A schema that was refused, and what came of the plainest one.

    Raises:
        Undecided: it is not the schema that was refused.
    """
    rejection = exchanges[0].rejection
    assert rejection is not None
    if rejection.status not in REFUSALS:
        raise Undecided(f"{refused(exchanges[0])} is no refusal of the schema")
    if len(exchanges) < 2 or exchanges[1].completion is None:
        why = refused(exchanges[1]) if len(exchanges) > 1 else "it was not asked for"
        raise Undecided(f"a forced call is refused even with the plainest schema ({why}): not this schema's doing")
    keyword = _named(schema, rejection)
    return _broken(f"the schema was refused: {refused(exchanges[0])}", refused_cause(keyword), outcome="rejected")


def refused_cause(keyword: str) -> ProbeCause:
    """The cause of a refused schema; `keyword` is the part that the refusal names, empty for none."""
    return ProbeCause(
        cause=f"tool schemas with {keyword} are refused" if keyword else "valid tool schemas are refused",
        remedy="accept all of MFJS in a tool's parameters (https://github.com/MoonshotAI/walle); where the "
        "guided-decoding backend cannot compile a schema, choose another backend or generate without it",
    )


def _named(schema: Mapping[str, Json], rejection: Rejection) -> str:
    """The part of the schema that a refusal names."""
    sent = orjson.dumps(schema).decode()
    names = (word for word in REFUSABLE if word == "strict" or f'"{word}"' in sent)
    said = rejection.message
    return next((word for word in names if re.search(rf"(?<![\w$]){re.escape(word)}(?!\w)", said)), "")
