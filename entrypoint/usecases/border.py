"""Samples tokens of an endpoint that tells no probabilities, and compares them with those of a reference."""

import asyncio
import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from entrypoint.kept_answers import KeptAnswers, part_of
from entrypoint.outputs import write_files
from entrypoint.request_sender import RequestSender, client_of, pinned_sampling, profile_of
from entrypoint.streams import Say
from kvv_action import __version__
from kvv_action.errors import EndpointError, KvvError, Rejected, refusal
from kvv_action.fingerprint.border import (
    DOMAINS,
    PILOT,
    ROUNDS,
    BorderJudgement,
    BorderPrompt,
    BorderSamples,
    border,
    judge_border,
)
from kvv_action.fingerprint.border_file import LARGEST, parse_samples, samples_as_bytes
from kvv_action.fingerprint.prefixes import Prefix, pool
from kvv_action.redact import Redactor
from kvv_action.schema import CHAT, Exchange, Request, Thinking
from kvv_action.settings import Settings, vendor_name

CANDIDATES = 64
"""Prompts among which border prompts are looked for."""
LONGER, BEGIN = 16, 8
"""`max_tokens` where one token shows no text, and the characters that then count as the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledBorder:
    """Samples that are written, and what they say of a reference; None where there is none."""

    samples: BorderSamples
    judgement: BorderJudgement | None


def read_samples(name: str) -> BorderSamples:
    """Border samples from a file.

    Raises:
        KvvError: it cannot be read, or holds none.
    """
    try:
        with Path(name).open("rb") as stream:
            return parse_samples(stream.read(LARGEST + 1), name)
    except OSError as error:
        raise KvvError(f"{name}: cannot be read: {refusal(error)}") from error


def sample_border(
    settings: Settings, out: Path, redactor: Redactor, say: Say, *, like: BorderSamples | None, thinking: Thinking
) -> SampledBorder:
    """Find border prompts and sample them; or sample those of a reference until there is an answer.

    Args:
        settings: endpoint, key, deadlines and retries.
        out: file of the samples.
        redactor: knows the secrets.
        say: takes a line about how far it is.
        like: whose prompts and sampling are asked.
        thinking: what the requests say about thinking, where there is no `like`.

    Raises:
        KvvError: the endpoint shows no text, or the file cannot be written.
        EndpointError: the first request failed for good.
    """
    return asyncio.run(_sampled(settings, out, redactor, say, like, thinking))


async def _sampled(
    settings: Settings, out: Path, redactor: Redactor, say: Say, like: BorderSamples | None, thinking: Thinking
) -> SampledBorder:
    fresh = like or _first(settings, thinking)
    identity = hashlib.sha256(orjson.dumps((settings.base_url, settings.model, samples_as_bytes(fresh).hex())))
    with KeptAnswers(part_of(out), identity.hexdigest(), redactor) as kept:
        async with client_of(settings, redactor) as client:
            work = _Sampling(sender=RequestSender(settings, profile_of(settings), client.fetch), kept=kept, asked=fresh)
            found = await (work.against(like, say) if like else work.chosen(say))
        samples = replace(
            fresh, vendor=vendor_name(settings), model=settings.model, started=int(time.time()), version=__version__,
            max_tokens=work.asked.max_tokens, prompts=tuple(found),
        )  # fmt: skip
        write_files(out.parent, {out.name: samples_as_bytes(samples)}, redactor)
        kept.done()
    return SampledBorder(samples=samples, judgement=judge_border(like.prompts, found) if like else None)


def _first(settings: Settings, thinking: Thinking) -> BorderSamples:
    """How a reference is sampled: as the profile pins it, else at temperature 1."""
    profile = profile_of(settings)
    pinned = pinned_sampling(profile, thinking)
    prefixes = [one.asked_plainly for one in pool() if one.domain in DOMAINS and not one.tools][:CANDIDATES]
    return BorderSamples(
        vendor="", model="", profile=profile.name if profile else "", started=0, version="",
        temperature=1.0 if profile is None else pinned.temperature, top_p=pinned.top_p, max_tokens=1,
        thinking=thinking, prompts=tuple(BorderPrompt(prefix=prefix, counts={}) for prefix in prefixes),
    )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Sampling:
    """One sampling under way."""

    sender: RequestSender
    kept: KeptAnswers
    asked: BorderSamples

    async def chosen(self, say: Say) -> Sequence[BorderPrompt]:
        """The border prompts among all, each with as many samples as the last round has."""
        await self._lengthen()
        say(f"looking for prompts between two tokens: {PILOT} samples of {len(self.asked.prompts)} prompts")
        found = border(await self._counted(self.asked.prompts, PILOT))
        say(f"taking {ROUNDS[-1]} samples of {len(found)} prompts")
        return await self._counted(found, ROUNDS[-1])

    async def against(self, like: BorderSamples, say: Say) -> Sequence[BorderPrompt]:
        """Samples of the reference's prompts, until they differ or the last round is over."""
        found: Sequence[BorderPrompt] = ()
        for size in ROUNDS:
            say(f"taking {size} samples of {len(like.prompts)} prompts")
            found = await self._counted(like.prompts, size)
            if judge_border(like.prompts, found).different:
                break
        return found

    async def _lengthen(self) -> None:
        """Ask for more tokens where one shows no text."""
        prefix = self.asked.prompts[0].prefix
        for length in (1, LONGER):
            self.asked = replace(self.asked, max_tokens=length)
            with contextlib.suppress(Rejected):
                if (await self._answered(prefix, 0))[0]:
                    return
        raise KvvError("the endpoint shows no text of its first token, so nothing can be sampled")

    async def _counted(self, prompts: Sequence[BorderPrompt], size: int) -> list[BorderPrompt]:
        """All prompts with so many samples; what was asked before is not asked again."""
        tasks = {
            prompt.prefix.id: [asyncio.create_task(self._ask(prompt.prefix, number)) for number in range(size)]
            for prompt in prompts
        }
        every = [task for some in tasks.values() for task in some]
        try:
            await asyncio.gather(*every)
        finally:
            for task in every:
                task.cancel()
            await asyncio.gather(*every, return_exceptions=True)
        return [_counts(prompt.prefix, [task.result() for task in tasks[prompt.prefix.id]]) for prompt in prompts]

    async def _ask(self, prefix: Prefix, number: int) -> tuple[str, int | None]:
        """As `_answered`; nothing where the request failed for good."""
        try:
            return await self._answered(prefix, number)
        except EndpointError:
            return "", None

    async def _answered(self, prefix: Prefix, number: int) -> tuple[str, int | None]:
        """Text of the first token, empty where none came, and the prompt tokens that were counted."""
        body = self.sender.body(self._request(prefix))
        key = hashlib.sha256(orjson.dumps(number) + body).hexdigest()[:32]
        known = self.kept.known(key)
        if known is None:
            known = self.kept.keep(key, Exchange(call=0, completion=await self.sender(CHAT, body)))
        return _first_token(known, self.asked.max_tokens)

    def _request(self, prefix: Prefix) -> Request:
        fields = {"max_tokens": self.asked.max_tokens, "temperature": self.asked.temperature, "top_p": self.asked.top_p}
        return Request(
            messages=prefix.messages, body={name: value for name, value in fields.items() if value is not None},
            sampling=False, thinking=self.asked.thinking, stream=False, verbatim=True,
        )  # fmt: skip


def _counts(prefix: Prefix, answers: Sequence[tuple[str, int | None]]) -> BorderPrompt:
    told = [tokens for _, tokens in answers if tokens is not None]
    counts = Counter(text for text, _ in answers if text)
    return BorderPrompt(prefix=prefix, counts=dict(sorted(counts.items())), prompt_tokens=told[0] if told else None)


def _first_token(exchange: Exchange, length: int) -> tuple[str, int | None]:
    """What an answer shows; nothing of one that is not as it should be."""
    try:
        document: Mapping[str, Any] = orjson.loads(exchange.completion.content if exchange.completion else "")
        message, usage = document["choices"][0]["message"], document.get("usage") or {}
        told = message.get("reasoning_content") or message.get("reasoning") or message.get("content")
        tokens = usage.get("prompt_tokens")
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError):
        return "", None
    text = told if isinstance(told, str) else ""
    return text[: 200 if length == 1 else BEGIN], tokens if type(tokens) is int and 0 <= tokens < 2**40 else None
