"""Vision: pictures are read, in their order, in three formats; a broken one is refused; each costs prompt tokens."""

import re
from collections.abc import Iterator, Sequence
from functools import partial

from benchmarks.precheck.again import (
    TRIES,
    Look,
    ProbeFinding,
    asked_again,
    judged,
    looked_at,
    must_refuse,
    open_after,
    quoted,
    slip,
)
from benchmarks.precheck.ask import MODES, ask
from benchmarks.precheck.causes import PICTURE_UNCOUNTED, ProbeCause
from benchmarks.precheck.picture import FORMATS, SIZE, blank, data_url, draw, number, stored
from benchmarks.precheck.probe import REFUSALS, Probe, broken, completions, holds, refused, weighed
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Completion, Exchange, Json, Message, Request, Score, Severity
from kvv_action.scoring.vision import prompt_tokens

# fmt: off
PICTURES_REFUSED = ProbeCause("pictures are refused",
    "accept image_url parts with data: addresses in user messages; check that the vision tower is loaded")
FORMAT_REFUSED = ProbeCause("a format of pictures is refused",
    "decode PNG, JPEG and WebP: clients send what they have")
PICTURES_UNSEEN = ProbeCause("pictures do not reach the model",
    "check image placeholders in the chat template and that no gateway drops parts of a message")
PICTURES_SWAPPED = ProbeCause("pictures lose their order",
    "put the features of each picture where its part stands in the message")
PICTURES_DROPPED = ProbeCause("only some pictures of a message reach the model",
    "raise the limit of pictures in a prompt (vLLM: --limit-mm-per-prompt), or refuse more with HTTP 400")
MANY_REFUSED = ProbeCause("many pictures in one request are refused",
    "raise the limit of pictures in a prompt (vLLM: --limit-mm-per-prompt) and of the body's size")
BROKEN_ACCEPTED = ProbeCause("pictures that cannot be decoded are accepted",
    "answer HTTP 400 when decoding fails: a model that is shown nothing makes something up")
# fmt: on

PLAIN = "Reply with exactly: OK"
MANY = 1000
TOO_MANY = (*REFUSALS, 413)
"""Statuses that refuse pictures for their number."""
PIXELS = 28 * 28
"""Pixels for which a token is expected; a quarter of that is asked for (`kvv_action.scoring.vision`)."""
ONE = "The picture shows four digits. Reply with these four digits only."
TWO = (
    "Each of the two pictures shows four digits. Reply with the digits of the first picture, a space, and the digits "
    "of the second picture; nothing else."
)


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """Nothing for a model without eyes."""
    if not profile.vision:
        return
    for name, stream in MODES:
        digits = number(f"png.{name}")
        yield asked_again(
            f"vision.png.{name}",
            ask(profile, (shown(ONE, data_url(draw(digits), "png")),), stream=stream),
            partial(_reads, digits),
            refusal=PICTURES_REFUSED,
            tier="smoke" if stream else "standard",
        )
    first, second = number("first picture"), number("second picture")
    both = shown(TWO, *(data_url(draw(digits), "png") for digits in (first, second)))
    check = partial(_keeps_order, first, second)
    yield asked_again("vision.order", ask(profile, (both,)), check, refusal=PICTURES_REFUSED, tier="smoke")
    for kind in FORMATS:
        yield _in_format(profile, kind)
    yield _broken(profile)
    yield _counted(profile)
    yield _many(profile, Severity.FAILURE if options.contract == "official" else Severity.INFORMATION)


def shown(text: str, *urls: str) -> Message:
    """A user message of pictures, and a text after them."""
    parts: list[Json] = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"role": "user", "content": [*parts, {"type": "text", "text": text}]}


def _in_format(profile: Profile, kind: str) -> Probe:
    """A picture in another format; when it is refused, a PNG tells whether it was for its format."""
    request = ask(profile, (shown(ONE, data_url(stored(kind), kind)),))
    control = ask(profile, (shown(ONE, data_url(draw(number(kind)), "png")),))
    look = partial(looked_at, partial(_reads, number(kind)), FORMAT_REFUSED)
    return Probe(
        id=f"vision.{kind}",
        requests=(request,),
        judge=partial(_reads_format, look),
        then=partial(_next, look, request, control),
        at_most=TRIES - 1,
        tier="standard",
    )


def _reads_format(look: Look, exchanges: Sequence[Exchange]) -> Score:
    if exchanges and exchanges[0].rejection is not None:
        finding = look(exchanges[0])
        assert isinstance(finding, ProbeFinding)
        others = exchanges[1:]
        return broken(finding.explanation, PICTURES_REFUSED if others and others[0].rejection else finding.cause)
    return judged(look, exchanges)


def _next(look: Look, request: Request, control: Request, exchanges: Sequence[Exchange]) -> Request | None:
    if exchanges[0].rejection is not None:
        return control if len(exchanges) == 1 else None
    return request if len(exchanges) < TRIES and open_after(look, exchanges[-1]) else None


def _broken(profile: Profile) -> Probe:
    """A whole picture, then its first half."""
    picture = draw(number("whole picture"))
    requests = tuple(
        ask(profile, (shown(ONE, data_url(data, "png")),)) for data in (picture, picture[: len(picture) // 2])
    )
    judge = must_refuse(("a PNG that ends half-way",), "a whole PNG", BROKEN_ACCEPTED)
    return Probe(id="vision.broken", requests=requests, judge=judge, tier="standard")


def _many(profile: Profile, level: Severity) -> Probe:
    """One small picture, then very many of them: below 200,000 bytes."""
    picture = data_url(blank(28), "png")
    requests = tuple(ask(profile, (shown(PLAIN, *[picture] * count),), max_tokens=16) for count in (1, MANY))
    return Probe(id="vision.many", requests=requests, judge=partial(_takes_many, level), tier="full")


def _takes_many(level: Severity, exchanges: Sequence[Exchange]) -> Score:
    if len(exchanges) != 2 or exchanges[0].completion is None:
        raise Undecided("a single picture is not accepted, so nothing can be said about many")
    if exchanges[1].rejection is None:
        return holds(f"{MANY} pictures are accepted")
    if exchanges[1].rejection.status not in TOO_MANY:
        raise Undecided(f"{MANY} pictures got {refused(exchanges[1])}, which is no refusal of them")
    return weighed(broken(f"{MANY} pictures are refused: {refused(exchanges[1])}", MANY_REFUSED), level)


def _counted(profile: Profile) -> Probe:
    """The same question without a picture and with one."""
    picture = data_url(draw(number("tokens")), "png")
    requests = ask(profile, PLAIN), ask(profile, (shown(PLAIN, picture),))
    return Probe(id="vision.tokens", requests=requests, judge=_counts_the_picture, tier="standard")


def _counts_the_picture(exchanges: Sequence[Exchange]) -> Score:
    if reason := next(filter(None, map(refused, exchanges)), ""):
        raise Undecided(f"the request was refused: {reason}")
    found = [prompt_tokens(answer) for answer in completions(exchanges)]
    counts = [count for count in found if count is not None]
    if len(counts) != 2 or len(exchanges) != 2:
        raise Undecided("prompt_tokens is missing, so what the picture costs cannot be seen")
    grown = counts[1] - counts[0]
    width, height = SIZE
    told = f"a picture of {width} x {height} pixels costs {grown} prompt tokens"
    least = width * height // PIXELS // 4
    if grown < least:
        return broken(f"{told}, expected at least {least}", PICTURE_UNCOUNTED)
    return holds(told)


def _digits(answer: Completion) -> str:
    return re.sub(r"[^0-9]", "", answer.content)


def _reads(digits: str, answer: Completion) -> ProbeFinding | str:
    if digits in _digits(answer):
        return f"{digits} was read"
    return slip(f"the picture shows {digits}, the answer is {quoted(answer.content)}", PICTURES_UNSEEN)


def _keeps_order(first: str, second: str, answer: Completion) -> ProbeFinding | str:
    said, seen = _digits(answer), quoted(answer.content)
    if first + second in said:
        return f"{first} and {second} were read in this order"
    explanation = f"the pictures show {first}, then {second}; the answer is {seen}"
    return slip(explanation, _disorder(first in said, second in said))


def _disorder(first: bool, second: bool) -> ProbeCause:
    """The cause, from which pictures were read at all."""
    if first and second:
        return PICTURES_SWAPPED
    return PICTURES_DROPPED if first or second else PICTURES_UNSEEN
