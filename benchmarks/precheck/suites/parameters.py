"""Locked decoding parameters: the documented value is accepted, others are refused (or honoured: `compatible`).

Both with and without thinking, as Kimi-Vendor-Verifier asks. Where official sources disagree, the answer is reported
and fails nobody.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.precheck.ask import PLAIN, ask
from benchmarks.precheck.causes import CLAMPED, DEFAULT_REFUSED, NOT_HONOURED, UNLOCKED
from benchmarks.precheck.probe import REFUSALS, Probe, broken, completions, holds, informs, refused
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import ImmutableParameter, Profile
from kvv_action.schema import Completion, Exchange, Json, Request, Score, Thinking

OPEN = (0.0, 0.6)
"""Values that upstream demands to be accepted while thinking, and Moonshot's own API refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mode:
    """Thinking or not.

    Attributes:
        suffix: of the ids of its probes; empty for the model's default.
        asked: how a request asks for it.
        may_lack: the endpoint may refuse the mode itself.
    """

    thinking: bool
    suffix: str = ""
    asked: Thinking = Thinking.UNSET
    may_lack: bool = False


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """A positive control for each parameter, and one probe for each value that must be refused, in each mode."""
    for mode in _modes(profile, options):
        for parameter in profile.parameters:
            yield _default(profile, parameter, mode)
            yield from _changed(profile, options, parameter, mode)
            if wanted := [value for value in OPEN if _asks(parameter, value, mode)]:
                yield _open(profile, parameter, mode, wanted)


def _modes(profile: Profile, options: Options) -> Iterator[_Mode]:
    """The model's default, then the other one where it can be asked for."""
    rules = profile.thinking
    yield _Mode(thinking=rules.default)
    if rules.supported and (rules.switchable or rules.switch_open) and options.think_mode != "none":
        other = Thinking.OFF if rules.default else Thinking.ON
        yield _Mode(
            thinking=not rules.default,
            suffix=f".thinking-{other}",
            asked=other,
            may_lack=not rules.switchable,
        )


def _asks(parameter: ImmutableParameter, value: float, mode: _Mode) -> bool:
    return parameter.is_open(value, thinking=mode.thinking) and value != parameter.only(thinking=mode.thinking)


def _request(profile: Profile, mode: _Mode, fields: Mapping[str, Json]) -> Request:
    return ask(profile, PLAIN, thinking=mode.asked, **fields)


def _default(profile: Profile, parameter: ImmutableParameter, mode: _Mode) -> Probe:
    """The documented value; where it is refused in the other mode, a request that says nothing but the mode."""
    only = parameter.only(thinking=mode.thinking)
    request = _request(profile, mode, {parameter.name: only})
    name = f"parameters.{parameter.name}.default{mode.suffix}"
    if not mode.suffix:
        return Probe(id=name, requests=(request,), judge=partial(_accepted, parameter.name, only))
    judge, bare = partial(_accepted_in_mode, parameter, only, mode), _request(profile, mode, {})
    return Probe(id=name, requests=(request,), judge=judge, then=partial(_bare, bare), at_most=1, tier="standard")


def _bare(request: Request, exchanges: Sequence[Exchange]) -> Request | None:
    return request if len(exchanges) == 1 and exchanges[0].rejection else None


def _changed(profile: Profile, options: Options, parameter: ImmutableParameter, mode: _Mode) -> Iterator[Probe]:
    """Each value that must be refused, after the documented one."""
    control = _request(profile, mode, {parameter.name: parameter.only(thinking=mode.thinking)})
    official = options.contract == "official"
    judge = _must_refuse if official else _must_honour
    values = [value for value in parameter.rejected if not parameter.is_open(value, thinking=mode.thinking)]
    for number, value in enumerate(values):
        if official or _in_range(parameter.name, value):
            yield Probe(
                id=f"parameters.{parameter.name}={value}{mode.suffix}",
                requests=(control, _request(profile, mode, {parameter.name: value})),
                judge=partial(_in_mode, partial(judge, parameter, value), parameter, mode),
                tier="standard" if number or mode.suffix else "smoke",
            )


def _open(profile: Profile, parameter: ImmutableParameter, mode: _Mode, values: Sequence[float]) -> Probe:
    """Values that may be accepted or refused."""
    requests = tuple(_request(profile, mode, {parameter.name: value}) for value in values)
    name = f"parameters.{parameter.name}.open{mode.suffix}"
    return Probe(id=name, requests=requests, judge=partial(_told, parameter.name, values), tier="full")


def _in_range(name: str, value: Json) -> bool:
    """Whether OpenAI's API allows the value at all; a compatible deployment may refuse what it does not."""
    if name == "temperature":
        return bool(0 <= value <= 2)
    return name != "n"


def _accepted(name: str, default: Json, exchanges: Sequence[Exchange]) -> Score:
    if not exchanges:
        raise Undecided("nothing was asked")
    if reason := refused(exchanges[0]):
        return broken(f"{name}={default} was refused: {reason}", DEFAULT_REFUSED, outcome="rejected")
    return holds(f"{name}={default} was accepted")


def _accepted_in_mode(
    parameter: ImmutableParameter, default: Json, mode: _Mode, exchanges: Sequence[Exchange]
) -> Score:
    """As `_accepted`, where the mode itself is served; a value that is open in this mode may be refused."""
    if len(exchanges) > 1 and (reason := refused(exchanges[1])):
        return _mode_refused(mode, reason)
    score = _accepted(parameter.name, default, exchanges)
    return informs(score.explanation) if parameter.is_open(default, thinking=mode.thinking) else score


def _mode_refused(mode: _Mode, reason: str) -> Score:
    """The mode is refused.

    Raises:
        Undecided: it must be served, which another suite judges.
    """
    said = f"a request with thinking {mode.asked} and nothing else is refused ({reason})"
    if mode.may_lack:
        return informs(said)
    raise Undecided(said)


def _in_mode(judge: partial[Score], parameter: ImmutableParameter, mode: _Mode, exchanges: Sequence[Exchange]) -> Score:
    """The judgement of a changed value, where the documented one is accepted."""
    if len(exchanges) != 2:
        raise Undecided("a request has no answer")
    if reason := refused(exchanges[0]):
        if mode.may_lack:
            return _mode_refused(mode, reason)
        raise Undecided(f"the documented value of {parameter.name} is refused too ({reason})")
    return judge(exchanges[1])


def _must_refuse(parameter: ImmutableParameter, value: Json, changed: Exchange) -> Score:
    if changed.completion is not None:
        clamped = _clamped(parameter.name, value, changed.completion)
        if clamped:
            return broken(f"{parameter.name}={value} was accepted, but {clamped}", CLAMPED, outcome="clamped")
        return broken(f"{parameter.name}={value} was accepted", UNLOCKED, outcome="accepted")
    if changed.rejection is None:
        raise Undecided(f"{parameter.name}={value} got no answer")
    if changed.rejection.status not in REFUSALS:
        raise Undecided(f"{parameter.name}={value} got {refused(changed)}, which is no refusal of the value")
    said = changed.rejection.body or changed.rejection.message
    others = [name for name in _NAMES if name in said]
    if others and parameter.name not in said:
        raise Undecided(f"{parameter.name}={value} was refused because of {others[0]}: {refused(changed)}")
    return holds(f"{parameter.name}={value} was refused: {refused(changed)}")


_NAMES = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
"""Names by which a refusal says that it is about another value; words like model say nothing, the control has one."""


def _clamped(name: str, value: Json, answer: Completion) -> str:
    """How an accepted value was not used, where the answer shows it."""
    if name == "n" and isinstance(value, int) and answer.choices != value:
        return f"{answer.choices} choice came back"
    return ""


def _must_honour(parameter: ImmutableParameter, value: Json, changed: Exchange) -> Score:
    if changed.rejection is not None:
        return broken(f"{parameter.name}={value} was refused: {refused(changed)}", NOT_HONOURED, outcome="rejected")
    if not completions([changed]):
        raise Undecided(f"{parameter.name}={value} got no answer")
    return holds(f"{parameter.name}={value} was accepted")


def _told(name: str, values: Sequence[float], exchanges: Sequence[Exchange]) -> Score:
    """What the endpoint does with values that official sources disagree about.

    Raises:
        Undecided: it neither accepts nor refuses one.
    """
    words = []
    for value, exchange in zip(values, exchanges, strict=False):
        if exchange.completion is None and (not exchange.rejection or exchange.rejection.status not in REFUSALS):
            raise Undecided(f"{name}={value} got {refused(exchange) or 'no answer'}")
        words.append(f"{name}={value} is {'refused' if exchange.rejection else 'accepted'}")
    if not words:
        raise Undecided("nothing was asked")
    return informs(", ".join(words))
