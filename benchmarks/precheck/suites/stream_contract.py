"""The stream contract item by item, each on a stream of its own that is kept as it came."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from benchmarks.precheck.ask import ask, cap
from benchmarks.precheck.calls import WEATHER, about_weather
from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.frames import Stream, read
from benchmarks.precheck.probe import REFUSALS, Probe, broken, holds, informs, refused, weighed
from benchmarks.precheck.stream_items import ITEMS, StreamAsked, StreamItem, Weight
from benchmarks.precheck.usage import answer_of
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Exchange, Json, Request, Score, Severity

TEXT = "Say in one short sentence why the sea is salty."
UNKNOWN = "kvv-no-such-model"
SHOWN = 300
"""Characters of a frame that an explanation quotes."""
HEADERS_DIFFER = "usage-headers-differ"
"""The client's word."""
NO_STREAM = "no stream came, which streaming.protocol judges"
# fmt: off
CROWDED = ProbeCause("a frame of a stream brings several choices",
    "with n > 1 send the pieces of each choice in frames of their own")
UNKNOWN_SERVED = ProbeCause("a stream of an unknown model is served",
    "answer HTTP 4xx with a JSON error when no such model is served, streamed or not")
# fmt: on


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """One probe an item, and one for a model that is not there."""
    for item in ITEMS:
        judge = partial(_judged, item, _level(item, options))
        yield Probe(
            id=f"streaming.contract.{item.name}", requests=(_request(profile, item.asked),), judge=judge, tier="full"
        )
    yield from _choices(profile, options)
    yield Probe(
        id="streaming.contract.usage-headers",
        requests=(ask(profile, TEXT, stream=True),),
        judge=_told_by_headers,
        tier="full",
    )
    unknown = ask(profile, TEXT, stream=True, model=UNKNOWN, max_tokens=16)
    recommended = Severity.WARNING if options.contract == "official" else Severity.INFORMATION
    yield Probe(
        id="streaming.contract.unknown-model",
        requests=(unknown,),
        judge=partial(_not_served, recommended),
        tier="full",
    )


def _choices(profile: Profile, options: Options) -> Iterator[Probe]:
    """Two answers at once, where n is not locked; where it is, the suite of parameters has it refused."""
    official = options.contract == "official"
    if official and any(parameter.name == "n" for parameter in profile.parameters):
        return
    level = Severity.WARNING if official else Severity.INFORMATION
    request = replace(ask(profile, TEXT, stream=True, n=2, max_tokens=cap(profile, 4)), verbatim=True)
    judge = partial(_one_a_frame, level)
    yield Probe(id="streaming.contract.choices", requests=(request,), judge=judge, tier="full")


def _one_a_frame(level: Severity, exchanges: Sequence[Exchange]) -> Score:
    """With n = 2, each frame brings a piece of one choice alone."""
    if exchanges and exchanges[0].rejection is not None and exchanges[0].rejection.status in REFUSALS:
        return informs(f"n = 2 is refused: {refused(exchanges[0])}")
    stream = _stream(exchanges)
    if stream is None:
        return informs(NO_STREAM)
    crowded = next((frame for frame in stream.frames if len(frame.choices) > 1), None)
    if crowded is not None:
        return weighed(broken(crowded.text[:SHOWN], CROWDED), level)
    return holds(f"{len({choice.value.get('index') for _, choice in stream.choices()})} choices, one a frame")


def _told_by_headers(exchanges: Sequence[Exchange]) -> Score:
    """Moonshot's own headers about usage, where they are sent."""
    if not exchanges:
        raise Undecided("there is no answer")
    if HEADERS_DIFFER in answer_of(exchanges[0]).anomalies:
        return informs("X-Msh-Usage-Prompt-Tokens or X-Msh-Usage-Cached-Tokens is another number than usage has")
    return holds("no X-Msh-Usage header is another number than usage has")


def _level(item: StreamItem, options: Options) -> Severity:
    """What it means that an item does not hold."""
    match item.weight:
        case Weight.REQUIRED:
            return Severity.FAILURE
        case Weight.RECOMMENDED if options.contract == "official":
            return Severity.WARNING
        case _:
            return Severity.INFORMATION


def _request(profile: Profile, asked: StreamAsked) -> Request:
    fields: dict[str, Json] = {"max_tokens": cap(profile, 4)}
    if asked is StreamAsked.BARE:
        fields["stream_options"] = {"include_usage": False}
    if asked is StreamAsked.CALL:
        fields["tools"] = [WEATHER]
    text = about_weather("Oslo") if asked is StreamAsked.CALL else TEXT
    return replace(ask(profile, text, stream=True, **fields), verbatim=True)


def _judged(item: StreamItem, level: Severity, exchanges: Sequence[Exchange]) -> Score:
    """What the frames say about one item.

    Raises:
        Undecided: there is no answer, or it is not all there.
    """
    stream = _stream(exchanges)
    if stream is None:
        return informs(NO_STREAM)
    if item.asked is StreamAsked.CALL and not any(choice.calls for _, choice in stream.choices()):
        return informs("no call came, so that none can be looked at")
    found = next(item.check(stream), "")
    if not found:
        return holds(f"{len(stream.frames)} frames")
    said = found if len(found) <= SHOWN else f"{found[:SHOWN]}…"
    return weighed(broken(said, ProbeCause(cause=item.rule, remedy=item.remedy)), level)


def _stream(exchanges: Sequence[Exchange]) -> Stream | None:
    """The frames of the first answer; None where it is no stream.

    Raises:
        Undecided: there is no answer, or it is not all there.
    """
    if not exchanges:
        raise Undecided("there is no answer")
    answer = answer_of(exchanges[0])
    stream = read(answer.content)
    if not stream.streamed:
        return None
    if len(answer.content.encode(errors="surrogatepass")) < answer.raw_bytes // 2:
        raise Undecided("the stream is longer than what is kept of it")
    return stream


def _not_served(level: Severity, exchanges: Sequence[Exchange]) -> Score:
    if not exchanges:
        raise Undecided("there is no answer")
    if exchanges[0].rejection is None:
        return weighed(broken(f"{UNKNOWN} was served", UNKNOWN_SERVED), level)
    return holds(f"refused: {refused(exchanges[0])}")
