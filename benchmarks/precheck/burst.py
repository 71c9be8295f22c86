"""Many small requests at once: each must get its own answer, as it does when it is sent alone.

A queue, 429 and 503 are no finding: the client waits and asks again.
"""

from collections.abc import Sequence
from functools import partial

from benchmarks.precheck.ask import ask
from benchmarks.precheck.causes import ANSWERS_MIXED, LOAD_BREAKS
from benchmarks.precheck.crashes import crashed
from benchmarks.precheck.picture import number
from benchmarks.precheck.probe import Probe, broken, holds, refused
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Completion, Exchange, Request, Score

AT_ONCE = {"smoke": 6, "standard": 12, "full": 32}
"""Requests that are sent together, by tier; the client holds back those beyond `max-connections`."""
ANIMALS = ("Otter", "Heron", "Lynx", "Badger", "Falcon", "Marten")
REST = ' "Café Blå" & 3 < 5'
"""Follows the request's own word in every text; damage of some kind would show in these characters."""
MIXING = frozenset({"id-changed", "model-changed"})
"""Anomalies that a stream has if it holds chunks of another one."""
TROUBLED, FEWEST_TROUBLED = 1 / 4, 6
"""Share and number of the answers that must be broken before the load is blamed."""
WORDLESS = 1 / 8
"""Share of the answers that may lack their word, because models make mistakes."""
ALONE = 3
"""Requests that are sent one after the other where many at once were broken."""


def at_once(profile: Profile, name: str, count: int) -> Probe:
    """A probe of so many requests, half of them streamed."""
    animals = [(ANIMALS[place % len(ANIMALS)], place // len(ANIMALS)) for place in range(count)]
    names = tuple(f"{animal}-{number(f'{animal} {again}' if again else animal)}" for animal, again in animals)
    requests = tuple(
        ask(profile, f"This is about one animal. Reply with exactly: {name}{REST}", stream=bool(place % 2))
        for place, name in enumerate(names)
    )
    return Probe(
        id=name,
        requests=requests,
        judge=partial(_apart, names),
        then=partial(_alone, requests),
        at_most=ALONE,
        together=True,
        judges_crashes=lambda exchanges: _much(sum(map(_broken, exchanges[:count])), count),
    )


def _broken(exchange: Exchange) -> bool:
    """Whether the first try crashed the server, or the answer is empty."""
    answer = exchange.completion or exchange.rejection
    if answer is not None and answer.attempts and answer.attempts[0].crashed:
        return True
    return exchange.completion is not None and _is_empty(exchange.completion)


def _is_empty(answer: Completion) -> bool:
    return not (answer.content or answer.reasoning or answer.tool_calls)


def _much(broken_ones: int, count: int) -> bool:
    return broken_ones >= max(FEWEST_TROUBLED, TROUBLED * count)


def _alone(requests: Sequence[Request], exchanges: Sequence[Exchange]) -> Request | None:
    """One request after the other, where many at once were broken."""
    count, alone = len(requests), len(exchanges) - len(requests)
    return requests[alone] if _much(sum(map(_broken, exchanges[:count])), count) and alone < ALONE else None


def _apart(names: Sequence[str], exchanges: Sequence[Exchange]) -> Score:
    """Every request got its own word, and no more of them broke than when they are sent one by one.

    Raises:
        Undecided: something was refused, or too many answers lack their word.
    """
    together, alone = exchanges[: len(names)], exchanges[len(names) :]
    if len(together) != len(names):
        raise Undecided(f"{len(together)} of {len(names)} requests were answered")
    pairs = [(own, one.completion) for own, one in zip(names, together, strict=True) if one.completion is not None]
    if score := _foreign(names, pairs):
        return score
    if _much(lost := sum(map(_broken, together)), len(names)):
        return _under_load(lost, together, alone)
    if lacking := [one for one in together if one.completion is None]:
        raise Undecided(f"a request was refused: {refused(lacking[0])}" if lacking[0].rejection else "no answer came")
    missing = [own for own, answer in pairs if own not in answer.content]
    if len(missing) > WORDLESS * len(names):
        raise Undecided(f"{len(missing)} of {len(names)} answers hold no word at all")
    return holds(f"{len(names)} concurrent requests, each with its own answer")


def _foreign(names: Sequence[str], pairs: Sequence[tuple[str, Completion]]) -> Score | None:
    """Answers that hold the word of another request, or streams that hold its chunks."""
    found = [
        (own, other)
        for own, answer in pairs
        for other in names
        if other != own and (other in answer.content or other in answer.reasoning)
    ]
    if found:
        own, other = found[0]
        return broken(f"{len(found)} foreign words came; who asked for {own} got {other}", ANSWERS_MIXED)
    mixed = [own for own, answer in pairs if MIXING & set(answer.anomalies) and own not in answer.content]
    if len(mixed) > 1:
        return broken(f"{len(mixed)} streams hold chunks of others, that of {mixed[0]} for one", ANSWERS_MIXED)
    return None


def _under_load(lost: int, together: Sequence[Exchange], alone: Sequence[Exchange]) -> Score:
    """Many answers broke at once; the load is to blame where none breaks alone.

    Raises:
        Undecided: requests break one by one as well, or were not sent.
    """
    if len(alone) < ALONE or any(one.completion is None or _broken(one) for one in alone):
        raise Undecided(f"{lost} of {len(together)} requests at once broke, and so do requests alone")
    crashes = sum(crashed(one) for one in together)
    told = f"{lost} of {len(together)} requests at once broke at the first try or came back empty"
    return broken(f"{told}, {crashes} of them for good; {ALONE} of the same one by one did not", LOAD_BREAKS)
