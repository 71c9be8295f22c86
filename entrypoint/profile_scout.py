"""Finds out what an endpoint does with a model's requests: what it locks, how it thinks, how it names its calls.

Everything is tried and nothing is assumed: an accepted value proves something only where other values are refused.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from benchmarks.precheck.ask import BRIEF
from benchmarks.precheck.calls import WEATHER, about_weather
from benchmarks.precheck.long_prompt import filled
from benchmarks.precheck.picture import data_url, draw, number
from benchmarks.precheck.suites.thinking import HARD
from benchmarks.precheck.suites.tokens import LEAST, MOST, WORDS
from benchmarks.precheck.suites.tools import CITIES
from entrypoint.profile_guesses import (
    FINER,
    FURTHER,
    MARKERS,
    OPENAI_REFUSES,
    OUTPUTS,
    PARAMETERS,
    WINDOWS,
    Fields,
    OwnNames,
    looks_like_control,
    names_in,
)
from entrypoint.profile_observed import ObservedModel
from entrypoint.profile_replies import FIELDS, ProfilePost, ScoutReply
from entrypoint.profile_thinking import ThinkingScout
from kvv_action.digits import counted
from kvv_action.profiles.model import ImmutableParameter, RightRefusal
from kvv_action.schema import Json

ROOMS = (4096, 1024, 256)
"""`max_tokens` where an answer is looked at: the first that is served. `BRIEF` where only acceptance matters."""
MOST_WINDOW = 10**9
SENTENCE = "Reply with exactly: OK"
NOISE = (
    "Asked to reply with exactly OK, the model answered {!r}. If that is noise (random weights, damage), the file "
    "has only what the server does: forms of ids and pictures are unknown, and probes that read answers cannot hold."
)
_OK = re.compile(r"\bok\b", re.IGNORECASE)
"""A word: the two letters stand somewhere in any long noise."""
REPEATED = 8
"""Copies of a marker in one prompt."""
_MIRRORED = str.maketrans("<>[]", "><][")
HUGE = 100_000_000
"""`max_tokens` that no model can write."""


class OutOfRequests(Exception):
    """The budget is used up."""


@dataclass(slots=True, kw_only=True)
class ProfileScout:
    """Asks one endpoint about one model.

    Attributes:
        model: name of the model there.
        post: sends.
        most: requests that may be sent.
        extra: fields of every body.
        own: names that the model's files have, to be tried as well.
    """

    model: str
    post: ProfilePost
    most: int
    extra: Fields = field(default_factory=dict)
    own: OwnNames = field(default_factory=OwnNames)
    seen: ObservedModel = field(default_factory=ObservedModel)

    async def look(self) -> ObservedModel:
        """Ask everything; what the budget leaves out stays unknown, and a note says so."""
        try:
            await self._list()
            if await self._answers():
                await self._disclosed()
                thinking = ThinkingScout(ask=self._chat, room=self.seen.room, seen=self.seen, own=self.own)
                for step in (thinking.switches, self._limits, thinking.efforts, self._parameters, self._tools,
                             self._begun, self._markers, self._sight, self._logprobs):  # fmt: skip
                    await step()
        except OutOfRequests:
            self.seen.notes.append(
                f"The budget of {counted(self.most, 'request')} was used up before everything was asked."
            )
        return self.seen

    async def _send(self, path: str, body: Fields | None = None) -> ScoutReply:
        if self.seen.requests >= self.most:
            raise OutOfRequests
        self.seen.requests += 1
        return await self.post(path, body)

    async def _chat(
        self, text: str | Sequence[Mapping[str, Json]] = SENTENCE, room: int = BRIEF, **fields: Json
    ) -> ScoutReply:
        messages: Sequence[Mapping[str, Json]] = [{"role": "user", "content": text}] if isinstance(text, str) else text
        body = {"model": self.model, "messages": messages, "stream": False, "max_tokens": room, **self.extra, **fields}
        return await self._send("chat/completions", body)

    async def _list(self) -> None:
        reply = await self._send("models")
        entries = reply.document.get("data")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and entry.get("id") == self.model:
                self.seen.window = _first(entry, WINDOWS)
                self.seen.output_limit = _first(entry, OUTPUTS)

    async def _answers(self) -> bool:
        """Whether a plain question is answered; its answer shows usage, and where thinking stands."""
        for room in ROOMS:
            plain = await self._chat(HARD, room)
            if plain.served or not any(number < room for number in plain.numbers):
                break
        if not plain.served:
            self.seen.notes.append(f"A plain question was not answered: HTTP {plain.status} {plain.words[:200]}")
            return False
        self.seen.room = min(room, max((self.seen.window or MOST_WINDOW) // 4, ROOMS[-1]))
        self.seen.usage = tuple(_keys(plain.document.get("usage")))
        self.seen.thinks = plain.thought
        self.seen.answer_field, self.seen.inline = plain.answer_field, plain.inline
        await self._follows()
        return True

    async def _follows(self) -> None:
        """Whether answers can be read as answers: a model of random weights shows only what its server does."""
        reply = await self._chat(SENTENCE, self.seen.room)
        if reply.served and not _OK.search(reply.content):
            self.seen.notes.append(NOISE.format(" ".join(reply.content.split())[:60]))
        if reply.prompt_tokens is not None:
            await self._words(reply.prompt_tokens)

    async def _words(self, before: int) -> None:
        """What a short word costs, from the same prompt with more words."""
        after = (await self._chat(f"{SENTENCE} {filled(WORDS)}")).prompt_tokens
        more = (after or before) - before
        if WORDS // 2 <= more <= 16 * WORDS and not LEAST <= more <= MOST:
            self.seen.word_tokens = more / WORDS

    async def _disclosed(self) -> None:
        """What servers tell of a model's template beside the API: llama.cpp the template, vLLM a prompt's tokens."""
        body = {"model": self.model, "messages": [{"role": "user", "content": "a"}], "return_token_strs": True}
        props = (await self._send("/props")).document
        template, ends = props.get("chat_template"), (props.get("bos_token"), props.get("eos_token"))
        told = names_in(template) if isinstance(template, str) else OwnNames()
        tokens = (await self._send("/tokenize", body)).document.get("token_strs")
        several = [*ends, *(tokens if isinstance(tokens, list) else ())]
        markers = [one for one in several if isinstance(one, str) and (one in ends or looks_like_control(one)) and one]
        self.own = replace(
            self.own,
            variables=tuple(dict.fromkeys((*self.own.variables, *told.variables))),
            markers=tuple(dict.fromkeys((*self.own.markers, *told.markers, *markers))),
        )

    async def _limits(self) -> None:
        """Tries each number in the refusal of a `max_tokens` that no model can write."""
        reply = await self._chat(room=HUGE)
        if not reply.refused:
            return
        for said in (one for one in reply.numbers if isinstance(one, int)):
            if said >= HUGE or said < BRIEF:
                continue
            whole, more = await self._chat(room=said), await self._chat(room=said + 1)
            if whole.served and more.refused:
                self.seen.output_limit = said
                self.seen.refusals += (RightRefusal.LONG_OUTPUT,)
                return
            if self.seen.window is None and "context" in reply.words.lower():
                self.seen.window = said
                return

    async def _parameters(self) -> None:
        """Tries each value alone, with default thinking, and in the other mode if there is one."""
        names = {**PARAMETERS, **(FURTHER if await self._more_is_locked() else {})}
        own = self.own.values
        every = {name: dict.fromkeys((*names.get(name, ()), *own.get(name, ()))) for name in (*names, *own)}
        found = [await self._parameter(name, [*values]) for name, values in every.items()]
        self.seen.parameters = tuple(one for one in found if one is not None)

    async def _more_is_locked(self) -> bool:
        """Whether further parameters, all at once, are refused with either of their first two values."""
        for place in (0, 1):
            if (await self._chat(**{name: values[place] for name, values in FURTHER.items()})).refused:
                return True
        return False

    async def _parameter(self, name: str, values: Sequence[Json]) -> ImmutableParameter | None:
        usual, other = bool(self.seen.thinks), self._other_mode()
        locked = _locked(name, await self._tried(name, values, {}))
        if locked is None or other is None:
            return locked
        opposite = _locked(name, await self._tried(name, values, other)) or locked
        first, second = (locked, opposite) if usual else (opposite, locked)
        return replace(
            first, value=second.value, thinking_value=first.value,
            rejected=tuple(one for one in first.rejected if one in second.rejected),
            open_without_thinking=second.open,
        )  # fmt: skip

    def _other_mode(self) -> Fields | None:
        if not self.seen.switchable:
            return None
        if self.seen.off or self.seen.on:
            return self.seen.off if self.seen.thinks else self.seen.on
        return {"chat_template_kwargs": {self.seen.template_switch: not self.seen.thinks}}

    async def _tried(self, name: str, values: Sequence[Json], mode: Fields) -> dict[str, ScoutReply]:
        """The reply to each value, by its JSON text; values that a refusal names are tried as well, then others."""
        found = dict[str, ScoutReply]()
        for value in values:
            reply = await self._try(found, name, value, mode)
            for told in reply.numbers[:3] if reply.refused else ():
                await self._try(found, name, told, mode)
        for value in FINER.get(name, ()):
            if any(reply.served for reply in found.values()):
                return found
            await self._try(found, name, value, mode)
        if all(reply.refused for reply in found.values()) and name in PARAMETERS:
            self.seen.notes.append(f"Every value of {name} that was tried was refused, so that its own is unknown.")
        return found

    async def _try(self, found: dict[str, ScoutReply], name: str, value: Json, mode: Fields) -> ScoutReply:
        known = [text for text in found if orjson.loads(text) == value and type(orjson.loads(text)) is not bool]
        key = known[0] if known else orjson.dumps(value).decode()
        if key not in found:
            found[key] = await self._chat(**mode, **{name: value})
        return found[key]

    async def _tools(self) -> None:
        """Forms of ids, forced calls, and a tool turn without its thinking."""
        pairs = [await self._chat(about_weather(*CITIES), self.seen.room, tools=[WEATHER]) for _ in range(2)]
        self.seen.call_ids = _form(pairs)
        if not self.seen.call_ids:
            self.seen.formless_ids = tuple(str(call.get("id")) for pair in pairs for call in pair.calls)
        forced = await self._chat(
            "What is the capital of France?", self.seen.room, tools=[WEATHER], tool_choice="required"
        )
        if forced.refused and pairs[0].served:
            still = True
            if (mode := self._other_mode()) is not None and self.seen.thinks:
                again = await self._chat(SENTENCE, self.seen.room, tools=[WEATHER], tool_choice="required", **mode)
                still = not again.served
            self.seen.refusals += (RightRefusal.FORCED_CALLS if still else RightRefusal.FORCED_CALLS_WHILE_THINKING,)
        if self.seen.thinks and self.seen.answer_field and pairs[0].calls:
            await self._bare_turn(pairs[0])

    async def _bare_turn(self, reply: ScoutReply) -> None:
        said = {name: value for name, value in reply.message.items() if value is not None}
        results = [{"role": "tool", "tool_call_id": one.get("id"), "content": "11.5 degrees"} for one in reply.calls]
        question = {"role": "user", "content": about_weather(*CITIES)}
        whole = await self._chat([question, said, *results], tools=[WEATHER])
        bare = {name: value for name, value in said.items() if name not in FIELDS}
        if whole.served and (await self._chat([question, bare, *results], tools=[WEATHER])).refused:
            self.seen.refusals += (RightRefusal.BARE_TOOL_TURNS,)

    async def _begun(self) -> None:
        start = {"role": "assistant", "content": "alpha", "partial": True}
        reply = await self._chat([{"role": "user", "content": "Reply with exactly: alpha bravo"}, start])
        if reply.refused:
            self.seen.refusals += (RightRefusal.BEGUN_ANSWERS,)

    async def _markers(self) -> None:
        """Control tokens, where raw prompts are served and counted: one token a copy."""
        base = await self._raw("a")
        if base is None:
            self.seen.notes.append("Raw prompts are not served or not counted, so that control tokens are unknown.")
            return
        families = [family for family in MARKERS if not set(family) <= set(self.own.markers)]
        likely = await self._smaller(families, await self._saved(families))
        for marker in dict.fromkeys((*self.own.markers, *(one for family in likely for one in family))):
            count = await self._raw(marker * REPEATED)
            if count is not None and count - base + 1 <= REPEATED + 1:
                self.seen.markers += (marker,)

    async def _saved(self, families: Sequence[tuple[str, ...]]) -> int:
        """Tokens that a prompt of these saves against the same text with each marker broken."""
        text = " ".join(one for family in families for one in family)
        whole, broken = await self._raw(text), await self._raw(_broken(text))
        return 0 if whole is None or broken is None else broken - whole

    async def _smaller(self, families: Sequence[tuple[str, ...]], saved: int) -> list[tuple[str, ...]]:
        """Families that save tokens; halves show which ones, and what one half does not save, the other does."""
        if saved <= 0 or len(families) <= 1:
            return list(families) if saved > 0 else []
        half = len(families) // 2
        first = await self._saved(families[:half])
        return [*await self._smaller(families[:half], first), *await self._smaller(families[half:], saved - first)]

    async def _raw(self, prompt: str) -> int | None:
        body = {"model": self.model, "prompt": prompt, "max_tokens": 1, "stream": False, **self.extra}
        reply = await self._send("completions", body)
        return reply.prompt_tokens if reply.served else None

    async def _sight(self) -> None:
        digits = number("profile")
        parts = [
            {"type": "image_url", "image_url": {"url": data_url(draw(digits), "png")}},
            {"type": "text", "text": "Which digits does the picture show? Reply with the digits."},
        ]
        reply = await self._chat([{"role": "user", "content": parts}], self.seen.room)
        if reply.served and digits in re.sub(r"\s", "", reply.content):
            self.seen.vision = True
        elif reply.refused:
            self.seen.vision = False

    async def _logprobs(self) -> None:
        reply = await self._chat(logprobs=True, top_logprobs=5)
        self.seen.logprobs = reply.served and bool(reply.choice.get("logprobs"))


def _first(entry: Mapping[str, Any], names: Sequence[str]) -> int | None:
    """The first of the names that has a number, in the entry or in an object within it."""
    inner = [entry, *(one for one in entry.values() if isinstance(one, Mapping))]
    found = (one.get(name) for name in names for one in inner)
    return next((value for value in found if type(value) is int and value > 0), None)


def _broken(markers: str) -> str:
    """The same signs with brackets that open as those that close, so that none is a control token."""
    return markers.translate(_MIRRORED)


def _keys(value: Any, before: str = "") -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        yield f"{before}{name}"
        yield from _keys(inner, f"{before}{name}.")


def _locked(name: str, tried: Mapping[str, ScoutReply]) -> ImmutableParameter | None:
    """The parameter, if some value was accepted and one that OpenAI's API allows was refused; else None."""
    accepted = [orjson.loads(value) for value, reply in tried.items() if reply.served]
    rejected = [orjson.loads(value) for value, reply in tried.items() if reply.refused]
    if not accepted or not set(rejected) - set(OPENAI_REFUSES):
        return None
    told = [number for reply in tried.values() for number in reply.numbers if number in accepted]
    value = 1 if name == "n" else next(iter(told), 1.0 if 1.0 in accepted else max(accepted))
    bounds = (float(min(accepted)), float(max(accepted))) if len(accepted) > 1 else None
    return ImmutableParameter(name=name, value=value, thinking_value=value, rejected=tuple(rejected), open=bounds)


def _form(answers: Sequence[ScoutReply]) -> str:
    """The form of ids that repeats from answer to answer; empty where ids are made up anew."""
    forms = {_form_of(at, call) for answer in answers for at, call in enumerate(answer.calls)}
    form = forms.pop() if len(forms) == 1 and min(len(answer.calls) for answer in answers) > 1 else ""
    return form if "{index}" in form else ""


def _form_of(at: int, call: Mapping[str, Any]) -> str:
    """An id with words in braces in place of the tool's name and the call's place."""
    id_, name = str(call.get("id")).replace("{", "").replace("}", ""), str(call["function"].get("name"))
    named = id_.replace(name, "{name}") if name else id_
    return re.sub(rf"{at}(?!.*\d)", "{index}", named)
