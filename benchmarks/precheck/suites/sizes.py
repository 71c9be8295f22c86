"""Sizes: prompts up to the profile's window arrive whole, longer ones are refused clearly, bodies may have megabytes.

The largest prompt of the full tier has 238,000 tokens, which fit into a window of 262,144 with every tokenizer. What
goes beyond is sent only when its probe is named: `probes: sizes.prompt.whole-window`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.precheck.ask import ask
from benchmarks.precheck.causes import BODY_LIMIT
from benchmarks.precheck.long_prompt import beyond, long_prompt, room
from benchmarks.precheck.probe import NAMED, Probe, broken, holds, refused
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Exchange, Request, Score

TRIES = 2
STEPS = (("128k", 134_000), ("256k", 238_000))
"""Names and tokens: above 131,072, and as many as fit into 262,144."""
LARGEST = 262_144
"""Tokens of the largest window that is filled without being named."""
MEGABYTE = 1_000_000
BODY = 2 * MEGABYTE
SMALLER = (MEGABYTE, 500_000, 100_000)
"""Bytes of the bodies by which a limit is found."""


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    del options
    yield _body(profile)
    fitting = room(profile)
    for name, tokens in STEPS:
        if tokens <= fitting:
            yield long_prompt(profile, name, tokens, tries=TRIES).probe(f"sizes.prompt.{name}", "full")
    window = profile.context_window
    if window is not None:
        if window > LARGEST:
            whole = long_prompt(profile, "whole-window", fitting, tries=TRIES)
            yield whole.probe("sizes.prompt.whole-window", NAMED)
        yield beyond(profile, window).probe("sizes.prompt.beyond", "full" if window <= LARGEST else NAMED)


def _body(profile: Profile) -> Probe:
    """A small request, and the same with much white space in its JSON."""
    control = ask(profile, "Reply with exactly: OK", stream=False)
    padded = replace(control, padding=BODY)
    return Probe(
        id="sizes.body",
        requests=(control, padded),
        judge=_judge_body,
        then=lambda exchanges: _smaller(control, exchanges),
        at_most=len(SMALLER) + 1,
        judges_crashes=lambda exchanges: len(exchanges) > 1,
        tier="standard",
    )


def _smaller(control: Request, exchanges: Sequence[Exchange]) -> Request | None:
    """Smaller bodies until one is accepted; then the large one again, in case that it only met an outage."""
    if len(exchanges) < 2 or exchanges[0].completion is None or exchanges[1].completion is not None:
        return None
    smaller = exchanges[2:]
    if any(exchange.completion is not None for exchange in smaller[:-1]):
        return None  # the large one was sent again
    if smaller and smaller[-1].completion is not None:
        return replace(control, padding=BODY + 1)
    return replace(control, padding=SMALLER[len(smaller)]) if len(smaller) < len(SMALLER) else None


def _judge_body(exchanges: Sequence[Exchange]) -> Score:
    """Whether a body of `BODY` bytes is accepted as a small one is.

    Raises:
        Undecided: the small one is not accepted, or the large one met something else than a limit.
    """
    if len(exchanges) < 2 or exchanges[0].completion is None:
        raise Undecided("a small request of the same form is not answered")
    large = exchanges[1]
    if large.completion is not None:
        return holds(f"a body of {BODY} bytes is accepted")
    *smaller, again = exchanges[2:] or (large,)
    if not smaller or smaller[-1].completion is None or again.rejection is None:
        raise Undecided(
            f"a body of {BODY} bytes got {refused(large) or 'no answer'}, which may be no limit of its size"
        )
    taken = SMALLER[len(smaller) - 1]
    refused_size = BODY if len(smaller) == 1 else SMALLER[len(smaller) - 2]
    cause = BODY_LIMIT.seen(f"between {taken} and {refused_size} bytes")
    return broken(f"a body of {BODY} bytes is refused: {refused(large)}; one of {taken} is accepted", cause)
