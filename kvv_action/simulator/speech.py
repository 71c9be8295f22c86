"""What the vendor's own model writes: tokens with their probabilities, drawn one after the other or read off a text."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kvv_action.profiles.prompt import Share, rendered, text_of
from kvv_action.schema import Answer, Message
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import last_message
from kvv_action.simulator.language_model import LanguageModel
from kvv_action.simulator.vocabulary import completions, encoded, vocabulary

if TYPE_CHECKING:
    from kvv_action.simulator.probabilities import Floats

THOUGHT, SAID = 8, 8
"""Tokens of a thought and of an answer that nothing cuts."""
MARK, THINK, SAY = b"\0", b"\0think\0", b"\0response\0"
"""A control token, and what opens thoughts and the answer behind them."""

Draw = Callable[[str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenToken:
    """One token and the log probabilities of all tokens at its place, as the vendor shows them."""

    number: int
    logprobs: "Floats"

    @property
    def raw(self) -> bytes:
        """Its bytes."""
        return vocabulary()[self.number]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """What was written, by channel; `prompt` holds the tokens that were read, where probabilities of them are asked."""

    reasoning: tuple[SpokenToken, ...] = ()
    content: tuple[SpokenToken, ...] = ()
    prompt: tuple[SpokenToken, ...] = ()
    finish_reason: str = "stop"

    @property
    def answer(self) -> Answer:
        """The text of both channels."""
        reasoning, content = (decoded(part) for part in (self.reasoning, self.content))
        return Answer(content=content, reasoning=reasoning, finish_reason=self.finish_reason)

    def __len__(self) -> int:
        return len(self.reasoning) + len(self.content)


def decoded(tokens: Iterable[SpokenToken]) -> str:
    """Their text; bytes that are no text become U+FFFD."""
    return b"".join(token.raw for token in tokens).decode(errors="replace")


def in_groups(tokens: Sequence[SpokenToken], size: int) -> Iterator[tuple[str, tuple[SpokenToken, ...]]]:
    """Text and tokens of each `size` tokens; a sign whose bytes are in two groups stands in the later one."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for start in range(0, len(tokens), size):
        group, last = tuple(tokens[start : start + size]), start + size >= len(tokens)
        yield decoder.decode(b"".join(token.raw for token in group), last), group


def context(call: Call) -> bytes:
    """The text that the model continues: the prompt as its template renders it, up to the channel that is written."""
    if call.raw:
        return prompt_text(call).encode(errors="replace")
    pieces = rendered({**call.body, "messages": call.messages}, thinking=call.thinking, effort=call.effort)
    read = (piece for piece in pieces if piece.share is not Share.OPENING)
    text = b"".join(MARK if piece.mark else piece.text.encode(errors="replace") for piece in read)
    return text if _begun(call) else text + (THINK if call.thinking else SAY)


def prompt_text(call: Call) -> str:
    """The prompt of a completion as it was read: a text, or the ids of its tokens."""
    prompt = call.body.get("prompt")
    if not isinstance(prompt, list):
        return str(prompt)
    known = vocabulary()
    numbers = (one for one in prompt if isinstance(one, int) and 0 <= one < len(known))
    return b"".join(known[one] for one in numbers).decode(errors="replace")


def completion_text(answer: Answer) -> str:
    """What a model writes behind a prompt: its thought, the end of it, and the answer."""
    return (f"{answer.reasoning}</think>" if answer.reasoning else "") + answer.content


def _begun(call: Call) -> Message:
    """The message that begins the answer (Partial Mode); empty when there is none."""
    last = last_message(call.messages)
    return last if last.get("role") == "assistant" and last.get("partial") is True else {}


def _thinks(call: Call) -> bool:
    """Whether a thought comes first."""
    begun = _begun(call)
    open_thought = text_of(begun.get("reasoning_content")) and not text_of(begun.get("content"))
    return call.thinking and not call.raw and bool(open_thought or not begun)


def spoken(call: Call, model: LanguageModel, draw: Draw) -> Speech:
    """What the model writes by chance, at the temperature and top_p of the call, within its `max_tokens`."""
    pen = _Pen(call=call, model=model, text=context(call), draw=draw)
    reasoning: tuple[SpokenToken, ...] = ()
    if _thinks(call):
        reasoning = pen.written(THOUGHT)
        pen.text += SAY
    content = pen.written(SAID)
    return Speech(reasoning=reasoning, content=content, finish_reason="length" if pen.cut else "stop")


def recited(answer: Answer, call: Call, model: LanguageModel) -> Speech:
    """An answer that is not the model's own, with the probabilities that it gives to each token."""
    before = context(call)
    thought, said = ("", completion_text(answer)) if call.raw else (answer.reasoning, answer.content)
    raw = thought.encode(errors="replace")
    after = before + raw + SAY if raw else before
    return Speech(
        reasoning=tuple(read_off(raw, before, call, model)),
        content=tuple(read_off(said.encode(errors="replace"), after, call, model)),
        finish_reason=answer.finish_reason,
    )


def with_prompt(speech: Speech, call: Call, model: LanguageModel) -> Speech:
    """The same with the tokens of a raw prompt, where their probabilities are asked for."""
    wanted = call.body.get("echo") is True or call.body.get("prompt_logprobs") is not None
    if not call.raw or call.logprobs is None or not wanted:
        return speech
    return replace(speech, prompt=tuple(read_off(context(call), b"", call, model)))


def read_off(text: bytes, before: bytes, call: Call, model: LanguageModel) -> Iterator[SpokenToken]:
    """The tokens of a text behind another, with what the model says at each place."""
    for number in encoded(text):
        yield SpokenToken(number=number, logprobs=_shown(model.logprobs(before), call))
        before += vocabulary()[number]


def _shown(logprobs: "Floats", call: Call) -> "Floats":
    """The probabilities that the vendor shows: the model's own, or those that it samples from."""
    return _sampling(logprobs, call) if call.processed else logprobs


def _sampling(logprobs: "Floats", call: Call) -> "Floats":
    from kvv_action.simulator.probabilities import nucleus, tempered  # brings numpy

    return nucleus(tempered(logprobs, call.temperature), call.top_p)


@dataclass(slots=True, kw_only=True)
class _Pen:
    """Continues a text; `cut` when `max_tokens` ended it."""

    call: Call
    model: LanguageModel
    text: bytes
    draw: Draw
    count: int = 0
    cut: bool = False

    def written(self, least: int) -> tuple[SpokenToken, ...]:
        """At least so many tokens, and a few more if a character is not yet whole."""
        tokens: list[SpokenToken] = []
        while len(tokens) < least or completions(self.text[-4:]):
            if self.count == self.call.max_tokens:
                self.cut = True
                break
            tokens.append(self._next())
        return tuple(tokens)

    def _next(self) -> SpokenToken:
        from kvv_action.simulator.probabilities import drawn_token  # brings numpy

        logprobs = self.model.logprobs(self.text)
        number = drawn_token(_sampling(logprobs, self.call), self.draw(f"token {self.count}"))
        self.text += vocabulary()[number]
        self.count += 1
        return SpokenToken(number=number, logprobs=_shown(logprobs, self.call))
