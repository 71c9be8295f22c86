"""Prompt tokens to the token: requests whose counts are published, and what the template does from the pattern."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from benchmarks.precheck.ask import ask
from benchmarks.precheck.causes import USAGE_MISSING, ProbeCause
from benchmarks.precheck.probe import REFUSALS, Probe, broken, holds, informs, refused, weighed
from benchmarks.precheck.token_pattern import CONSTANT_OFFSET, GENERATION_PREFIX, CountedCase, pattern_of
from benchmarks.precheck.usage import answer_of, count_of
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.profiles.prompt import CHANNEL
from kvv_action.profiles.token_cases import STOPPED, TokenCase, TokenCases, load
from kvv_action.report.kvv_groups import CASES, HELD
from kvv_action.schema import Exchange, Json, Request, Score, Severity, Thinking

# fmt: off
CASES_REFUSED = ProbeCause("valid requests are refused, so that their prompts cannot be counted",
    "accept each of them; the other suites say which field it is about")
PARTIAL_IGNORED = ProbeCause("Partial Mode is ignored",
    "leave an assistant message with partial: true open in the chat template instead of closing it")
# fmt: on
OF_KVV = "prompt_tokens"
"""The suite of Kimi-Vendor-Verifier with these cases; a few more are in its suite of features."""
KVV_FILE = "kimi-k3"
"""The file that holds Kimi-Vendor-Verifier's own cases; a case of another file is somebody else's."""
SHOWN = 16
"""Rows of the table that an explanation holds."""


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """Nothing for a model whose counts are not known, or where an effort cannot be asked for."""
    if not profile.tokens.cases or options.think_mode == "none":
        return
    known = load(profile.tokens.cases)
    level = _level(profile, options)
    cases = [_stated(case, profile) for case in known.cases]
    whole = [case for case in cases if not case.partial]
    begun = [case for case in cases if case.partial]
    for name, asked, judge in (
        ("cases", whole, partial(_as_expected, whole, known, level)),
        ("partial-cases", begun, partial(_begun_as_expected, begun, known, level)),
    ):
        requests = tuple(_request(profile, options, case) for case in asked)
        if requests:
            yield Probe(id=f"tokens.{name}", requests=requests, judge=judge, together=True, tier="full")


def _level(profile: Profile, options: Options) -> Severity:
    """How severe a wrong count is: for counts of an earlier model and for a compatible deployment, only information."""
    if not profile.tokens.measured:
        return Severity.INFORMATION
    return Severity.FAILURE if options.contract == "official" else Severity.WARNING


def _stated(case: TokenCase, profile: Profile) -> TokenCase:
    """The case with the count that the profile states, when it states one."""
    expected = profile.prompt_tokens.get(case.id, case.expected)
    return replace(case, expected=expected)


def _request(profile: Profile, options: Options, case: TokenCase) -> Request:
    fields: dict[str, Json] = {name: value for name, value in case.body.items() if name != "messages"}
    if case.effort and profile.thinking.efforts:
        fields |= _effort(options, case)
        return ask(profile, case.body["messages"], stream=True, **{**fields, "max_tokens": 1})
    thinking = Thinking.UNSET if case.thinking else Thinking.OFF
    return ask(profile, case.body["messages"], stream=True, thinking=thinking, **{**fields, "max_tokens": 1})


def _effort(options: Options, case: TokenCase) -> Mapping[str, Json]:
    """How a case asks for its level of effort, or for no thinking."""
    if options.think_mode == "opensource":
        effort = {"thinking_effort": case.effort} if case.thinking else {}
        return {"chat_template_kwargs": {"thinking": case.thinking, **effort}}
    return {"reasoning_effort": case.effort}


def _counts(
    cases: Sequence[TokenCase], exchanges: Sequence[Exchange]
) -> tuple[list[CountedCase], list[TokenCase]] | Score:
    """The counted cases and the refused ones, or the judgement that usage is missing.

    Raises:
        Undecided: a request has no answer, or was refused for a reason that says nothing about it.
    """
    if len(exchanges) != len(cases):
        raise Undecided(f"{len(exchanges)} of {len(cases)} requests were answered")
    seen: list[CountedCase] = []
    declined: list[TokenCase] = []
    for case, exchange in zip(cases, exchanges, strict=True):
        if exchange.rejection is not None and exchange.rejection.status in REFUSALS:
            declined.append(case)
            continue
        tokens = count_of(answer_of(exchange), "prompt_tokens")
        if not tokens:
            return broken(f"{case.id}: usage holds no prompt_tokens", USAGE_MISSING)
        seen.append(CountedCase(case=case, tokens=tokens))
    return seen, declined


def _as_expected(
    cases: Sequence[TokenCase], known: TokenCases, level: Severity, exchanges: Sequence[Exchange]
) -> Score:
    counts = _counts(cases, exchanges)
    seen, declined = ([], []) if isinstance(counts, Score) else counts
    score = counts if isinstance(counts, Score) else _judged(seen, declined, known, exchanges)
    theirs = [case for case in load(KVV_FILE).cases if case.suite == OF_KVV]
    held = sum(one.accepted for one in seen if one.case in theirs)
    asked = sum(case in theirs for case in cases)
    of_kvv = {f"{CASES}/tokens": asked, f"{HELD}/tokens": held} if asked else {}
    return weighed(replace(score, counts=of_kvv), level)


def _judged(
    seen: Sequence[CountedCase], declined: Sequence[TokenCase], known: TokenCases, exchanges: Sequence[Exchange]
) -> Score:
    needed = [case for case in declined if case.effort != STOPPED]
    if needed or not seen:
        first = next(exchange for exchange in exchanges if exchange.rejection)
        named = ", ".join(case.id for case in (needed or declined)[:SHOWN])
        return broken(f"{named}: {refused(first)}", CASES_REFUSED)
    return _explained(seen, known)


def _explained(seen: Sequence[CountedCase], known: TokenCases) -> Score:
    """The judgement of the pattern; every count is part of it."""
    held, pattern = sum(one.accepted for one in seen), pattern_of(seen, known)
    said = f"{held} of {len(seen)} counts are right"
    if pattern.causes:
        first, *others = pattern.causes
        score = replace(broken(f"{said}; {_table(seen)}", first), findings={one.cause: one.remedy for one in others})
    elif not 0 <= pattern.constant <= CHANNEL:
        score = broken(f"{said}: {pattern.constant:+d} tokens each; {_table(seen)}", CONSTANT_OFFSET)
    elif pattern.constant == CHANNEL:
        explanation = f"{said}: {CHANNEL} more each, the generation prefix is counted"
        score = replace(holds(explanation), cause=GENERATION_PREFIX.cause, remedy=GENERATION_PREFIX.remedy)
    else:
        score = holds(said)
    return replace(score, metrics={"token_cases": held / len(seen)})


def _table(seen: Sequence[CountedCase]) -> str:
    """The cases that differ: expected, seen and difference of each."""
    rows = [f"{one.case.id} {one.case.expected} {one.tokens} {one.difference:+d}" for one in seen if one.difference]
    more = f"; and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"case expected seen difference: {'; '.join(rows[:SHOWN])}{more}"


def _begun_as_expected(
    cases: Sequence[TokenCase], known: TokenCases, level: Severity, exchanges: Sequence[Exchange]
) -> Score:
    """Partial Mode is documented, and not every deployment has it: to ignore it is a warning at most.

    What else the counts show, `tokens.cases` shows as well, and judges.
    """
    counts = _counts(cases, exchanges)
    gentler = Severity.WARNING if level is Severity.FAILURE else Severity.INFORMATION
    if isinstance(counts, Score):
        return weighed(counts, gentler)
    seen, declined = counts
    if not seen:
        return informs("Partial Mode is refused")
    if all(one.accepted for one in seen):
        return holds(
            f"{len(seen)} of {len(seen)} counts are right" + (f", {len(declined)} refused" if declined else "")
        )
    if known.rendered and all(0 <= one.tokens - _closed(one.case, known) <= CHANNEL for one in seen):
        return weighed(broken(_table(seen), PARTIAL_IGNORED), gentler)
    causes = " and ".join(cause.cause for cause in pattern_of(seen, known).causes)
    return informs(f"{causes or 'a constant is added'}; {_table(seen)}")


def _closed(case: TokenCase, known: TokenCases) -> int:
    """Tokens of the prompt when the message that begins the answer is taken for an earlier one."""
    *before, last = case.body["messages"]
    messages = [*before, {name: value for name, value in last.items() if name != "partial"}]
    return known.shares({**case.body, "messages": messages}, thinking=case.thinking, effort=case.effort).total()
