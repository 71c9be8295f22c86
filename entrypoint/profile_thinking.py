"""Finds out how a model is asked to think: the fields that turn it on and off, and those that take its effort.

Many names are tried in one request, for servers pass over fields that they do not know. Halves of the names then show
which one it was.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.precheck.suites.thinking import HARD
from entrypoint.profile_guesses import (
    EFFORT_FIELDS,
    EFFORT_NAMES,
    EFFORTS,
    NO_EFFORT,
    NONSENSE,
    NUMBERS,
    SWITCH_NAMES,
    SWITCH_VALUES,
    SWITCHES,
    USUAL_EFFORTS,
    Fields,
    OwnNames,
)
from entrypoint.profile_observed import ObservedModel
from entrypoint.profile_replies import ScoutReply
from kvv_action.profiles.model import MOST_DIGITS
from kvv_action.schema import Json

SHORT = 64
"""`max_tokens` where only the beginning of an answer is looked at: thinking comes first."""
MOST_LEVELS = 12
"""Levels that are taken from the words of a refusal."""
WIDEST = 10**MOST_DIGITS - 1


class Ask(Protocol):
    """Sends a chat request with these body fields."""

    def __call__(self, text: str = ..., room: int = ..., **fields: Json) -> Awaitable[ScoutReply]:
        """The reply, a refusal included."""
        ...


@dataclass(slots=True, kw_only=True)
class ThinkingScout:
    """Asks about thinking, and notes what is seen.

    Attributes:
        ask: sends a request.
        room: `max_tokens` of whole answers.
        seen: takes what is found.
        own: further names and values.
        blamed: names with which a switch was refused.
    """

    ask: Ask
    room: int
    seen: ObservedModel
    own: OwnNames
    blamed: set[str] = field(default_factory=set)

    def placed(self, reply: ScoutReply) -> None:
        """Note where thinking stands, in the first answer that has any."""
        if not self.seen.answer_field and self.seen.inline is None:
            self.seen.answer_field, self.seen.inline = reply.answer_field, reply.inline

    async def switches(self) -> None:
        """How thinking is turned off and on, at the official API and in the template."""
        for off, ons in (*self.own.switches, *SWITCHES):
            if await self._switch(off, ons):
                break
        else:
            await self._by_name()
        await self._template()

    async def _switch(self, off: Fields, ons: Sequence[Fields]) -> bool:
        """Whether answers and refusals show that these fields are known."""
        stopped = await self.ask(HARD, self.room, **off)
        works = stopped.served and bool(self.seen.thinks) and not stopped.thought
        for on in ons if works or stopped.refused or not self.seen.thinks else ():
            started = await self.ask(HARD, self.room, **on)
            thought = started.served and started.thought
            begins = thought and not self.seen.thinks
            self.placed(started)
            if begins or (thought and (works or stopped.refused)):
                self.seen.on, self.seen.off = on, off
                self.seen.switchable = works or begins
                return True
        return False

    async def _by_name(self) -> None:
        """Each form of a switch under all names at once; only a field that works alone is believed."""
        names = tuple(dict.fromkeys((*self.own.variables, *SWITCH_NAMES)))
        for off, on in SWITCH_VALUES:
            wanted = off if self.seen.thinks else on

            async def works(some: Sequence[str], value: Json = wanted) -> ScoutReply:
                return await self.ask(HARD, SHORT, **dict.fromkeys(some, value))

            name = await self._found(names, works)
            if name and await self._switch({name: off}, ({name: on},)):
                return
        if self.seen.thinks and self._changed(await self.ask(HARD, self.room, **NO_EFFORT)):
            self.seen.off, self.seen.switchable = NO_EFFORT, True

    async def _template(self) -> None:
        """The switch in `chat_template_kwargs`."""
        wanted = not self.seen.thinks
        names = tuple(dict.fromkeys((*self.own.variables, *SWITCH_NAMES)))

        async def works(some: Sequence[str]) -> ScoutReply:
            return await self.ask(HARD, SHORT, chat_template_kwargs=dict.fromkeys(some, wanted))

        self.blamed.clear()
        name = await self._found(names, works)
        if name:
            reply = await self.ask(HARD, self.room, chat_template_kwargs={name: wanted})
            if reply.served and reply.thought is wanted:
                self.seen.template_switch, self.seen.switchable = name, True
                self.placed(reply)

    async def _found(self, names: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[ScoutReply]]) -> str:
        """The name that changes whether the model thinks; names that a refusal blames are not asked again."""
        left = [name for name in names if name not in self.blamed]
        if not left:
            return ""
        reply = await ask(left)
        if blamed := reply.names_told & {*left}:
            self.blamed |= blamed
            return await self._found(left, ask)
        if len(left) == 1 or not (reply.refused or self._changed(reply)):
            self.blamed |= {*left} if reply.refused else set()
            return left[0] if self._changed(reply) else ""
        half = len(left) // 2
        return await self._found(left[:half], ask) or await self._found(left[half:], ask)

    def _changed(self, reply: ScoutReply) -> bool:
        return reply.served and reply.thought is not bool(self.seen.thinks)

    async def efforts(self) -> None:
        """Tries levels of effort in each field; they count only where the same field refuses an unknown one."""
        if not self.seen.can_think:
            return
        fruitless = set[str]()
        for place in dict.fromkeys((*self.own.efforts, *EFFORT_FIELDS, *self.own.variables)):
            refusal = await self._at(place, NONSENSE)
            if not refusal.refused or refusal.words in fruitless:
                continue
            if await self._levels(place, refusal):
                self.seen.effort_place = place
                break
            fruitless.add(refusal.words)
        await self._template_effort()

    async def _template_effort(self) -> None:
        low = self.seen.effort_range
        level = self.seen.efforts[0] if self.seen.efforts else low[0] if low else None
        for name in dict.fromkeys((*self.own.variables, *EFFORT_NAMES)) if level is not None else ():
            bad = await self.ask(chat_template_kwargs={name: NONSENSE})
            if bad.refused and (await self.ask(chat_template_kwargs={name: level})).served:
                self.seen.template_effort = name
                break

    async def _at(self, place: str, level: Json) -> ScoutReply:
        holder, _, name = place.rpartition(".")
        fields: dict[str, Json] = {name: level}
        if holder:
            around = self.seen.on.get(holder)
            fields = {holder: {**(around if isinstance(around, Mapping) else {}), name: level}}
        return await self.ask(**fields)

    async def _levels(self, place: str, refusal: ScoutReply) -> bool:
        """Whether the field takes levels: well-known ones, those that the refusal lists, or numbers."""
        told = [word for word in refusal.listed if word not in (NONSENSE, *place.split("."))][:MOST_LEVELS]
        taken = [
            level
            for level in dict.fromkeys((*USUAL_EFFORTS, *self.own.levels, *told))
            if (await self._at(place, level)).served
        ]
        rest = [level for level in EFFORTS if taken and level not in (*USUAL_EFFORTS, *self.own.levels, *told)]
        taken += [level for level in rest if (await self._at(place, level)).served]
        self.seen.effort_range = within = await self._range(place, refusal.numbers)
        names = [one for one in taken if not (within and one.isdecimal() and within[0] <= int(one) <= within[1])]
        order = EFFORTS if {*names} <= {*EFFORTS} else (*self.own.levels, *told)
        self.seen.efforts = tuple(sorted(names, key=lambda one: order.index(one) if one in order else -1))
        return bool(taken or self.seen.effort_range)

    async def _range(self, place: str, told: Sequence[float]) -> tuple[int, int] | None:
        """The lowest and the highest number that are taken; None where none is, or every one."""

        async def taken(number: int) -> bool:
            return (await self._at(place, number)).served

        numbers = dict.fromkeys((*(one for one in told if isinstance(one, int)), *NUMBERS))
        inside = list[int]()
        for one in (one for one in numbers if 0 <= one < WIDEST and (one in told or not inside)):
            inside += [one] if await taken(one) else []
        if not inside or await taken(WIDEST):
            return None
        low, high = await _edge(taken, min(inside), -1), await _edge(taken, max(inside), WIDEST)
        return (low, high) if low < high else None


async def _edge(taken: Callable[[int], Awaitable[bool]], inside: int, outside: int) -> int:
    """The last number that is taken, from one that is towards one that is not; the next one is tried first."""
    step = 1 if outside > inside else -1
    at = inside + step
    while abs(outside - inside) > 1:
        if await taken(at):
            inside = at
        else:
            outside = at
        at = (inside + outside) // 2
    return inside
