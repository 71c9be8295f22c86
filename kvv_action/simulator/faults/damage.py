"""Faults that damage text on its way, or by wrong arithmetic before it is text."""

import re
from collections.abc import Callable
from dataclasses import replace

from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.chunks import delta_of, in_streams, with_delta
from kvv_action.simulator.faults.hooks import Say, in_content, when_streamed
from kvv_action.simulator.faults.model import Fault, Turn
from kvv_action.simulator.tokens import pieces
from kvv_action.simulator.wire import Reply

FLOURISH = " — voilà, 完成 ✓"
"""Some faults end prose with this: characters beyond ASCII, so that there is something to damage."""
BANGS, LOOP_TIMES = 400, 60
SALAD = "gebrauchпросто的เป็น inbetween ساعةklasse の ανάuhr नहींetwaсвой 就 ότανvoid ไม่ rund 그래서nichtчем اليومmode"
_SURROGATE = "\ue0fe"
"""Stands for a lone surrogate, which UTF-8 cannot hold but a JSON escape can."""
_BROKEN = "\ue0fd"
"""Stands for a byte that is not UTF-8."""


def _any_content(change: Callable[[str], str]) -> Say:
    return lambda answer, _: replace(answer, content=change(answer.content)) if answer.content else answer


def _headless(text: str) -> str:
    first, *rest = pieces(text, 1)
    return "".join(rest) or first


def _tailless(text: str) -> str:
    *rest, last = pieces(text, 1)
    return "".join(rest) or last


def _stuttered(text: str) -> str:
    """The longest word three times; the first of those that are equally long."""
    word = max(re.findall(r"[^\W\d_]+", text), key=len, default="")
    return text.replace(word, f"{word} {word} {word}", 1) if len(word) > 1 else text


def _cut(text: str) -> str:
    """Each byte of a character beyond ASCII is decoded alone."""
    flourished = text + FLOURISH
    return "".join(sign if sign.isascii() else "\ufffd" * len(sign.encode()) for sign in flourished)


def _as_latin(text: str) -> str:
    return (text + FLOURISH).encode().decode("latin-1")


def _as_windows(text: str) -> str:
    return (text + " “très bien” – ça ira…").encode().decode("cp1252", errors="replace").replace("\ufffd", "")


def _half(text: str) -> str:
    return f"{text} {_SURROGATE} done"


def _broken(text: str) -> str:
    return f"{text} {_BROKEN} done"


def _written(mark: str, raw: bytes) -> Callable[[Reply, Turn], Reply]:
    """A hook that puts bytes in the place of a mark."""
    return lambda reply, _: replace(reply, parts=tuple(part.replace(mark.encode(), raw) for part in reply.parts))


def _raw_vocabulary(text: str) -> str:
    return text.replace(" ", "Ġ").replace("\n", "Ċ")


def _degenerate(_: Answer, call: Call) -> Answer:
    """The same character again and again: in the reasoning if the model thinks, else in the content."""
    bangs = "!" * min(BANGS, call.max_tokens or BANGS)
    if call.thinking:
        return Answer(reasoning=bangs, finish_reason="length")
    return Answer(content=bangs, finish_reason="length")


def _looping(answer: Answer, _: Call) -> Answer:
    content = (answer.content + " and so on" * LOOP_TIMES).lstrip()
    return replace(answer, content=content, tool_calls=(), finish_reason="stop")


def _looping_thought(answer: Answer, _: Call) -> Answer:
    if not answer.reasoning:
        return answer
    return replace(answer, reasoning=answer.reasoning + " Wait, let me check." * LOOP_TIMES)


def _salad(text: str) -> str:
    return f"{SALAD} {len(text)} {SALAD[::-1]}"


def _sent_again(chunks: list[Json]) -> list[Json]:
    """The last piece of content is followed by the whole content once more."""
    said = [(at, delta_of(chunk)["content"]) for at, chunk in enumerate(chunks) if delta_of(chunk).get("content")]
    if not said:
        return chunks
    last, whole = said[-1][0], "".join(text for _, text in said)
    return [*chunks[: last + 1], with_delta(chunks[last], {"content": whole}), *chunks[last + 1 :]]


def _cumulative(chunks: list[Json]) -> list[Json]:
    so_far, new = "", []
    for chunk in chunks:
        if text := delta_of(chunk).get("content"):
            so_far += text
            new.append(with_delta(chunk, {"content": so_far}))
        else:
            new.append(chunk)
    return new


def _twice(chunks: list[Json]) -> list[Json]:
    """Every piece of content is sent twice."""
    return [again for chunk in chunks for again in [chunk] * (2 if delta_of(chunk).get("content") else 1)]


DAMAGED = "a finding: text is damaged on the way"
FAULTS = (
    Fault("loses-first-token", "streams without the first token of the content", f"{DAMAGED}, its head is lost",
          say=when_streamed(_any_content(_headless))),
    Fault("loses-last-token", "streams without the last token of the content",
          "probes whose answer is known to the letter fail", say=when_streamed(_any_content(_tailless))),
    Fault("repeats-words", "says a word three times in a row", f"{DAMAGED}, words are repeated",
          say=in_content(_stuttered)),
    Fault("repeats-chunks", "sends every piece of content twice", f"{DAMAGED}, words are repeated",
          send=in_streams(_twice)),
    Fault("cuts-characters", "decodes each byte for itself, so that characters become U+FFFD",
          f"{DAMAGED}, characters are cut", say=in_content(_cut)),
    Fault("sends-half-surrogates", "sends half of a surrogate pair as a JSON escape", f"{DAMAGED}, characters are cut",
          say=in_content(_half), send=_written(_SURROGATE, b"\\ud83d")),
    Fault("sends-broken-bytes", "sends a byte that is no UTF-8", f"{DAMAGED}, characters are cut",
          say=in_content(_broken), send=_written(_BROKEN, b"\xe2\x80")),
    Fault("misreads-as-latin", "takes the bytes of UTF-8 for Latin-1", f"{DAMAGED}, the encoding is wrong",
          say=in_content(_as_latin)),
    Fault("misreads-as-windows", "takes the bytes of UTF-8 for Windows-1252", f"{DAMAGED}, the encoding is wrong",
          say=in_content(_as_windows)),
    Fault("leaves-vocabulary-marks", "joins entries of the vocabulary instead of decoding them",
          f"{DAMAGED}, the marks of the vocabulary for spaces stand in it", say=in_content(_raw_vocabulary)),
    Fault("strips-spaces", "strips the spaces around each token", f"{DAMAGED}, spaces are lost",
          say=in_content(lambda text: text.replace(" ", ""))),
    Fault("doubles-answers", "says everything twice", f"{DAMAGED}, answers are doubled",
          say=in_content(lambda text: text + text)),
    Fault("resends-text", "streams the content and then sends all of it once more", f"{DAMAGED}, answers are doubled",
          send=in_streams(_sent_again)),
    Fault("sends-cumulative-text", "sends all content so far with every chunk", f"{DAMAGED}, chunks are cumulative",
          send=in_streams(_cumulative)),
    Fault("advertises", "puts an advertisement behind every answer",
          "a finding: text that nobody asked for is put into answers",
          say=in_content(lambda text: f"{text}\n\n---\nServed by ExampleCloud. Try our free plan: https://example.com/free")),
    Fault("labels-answers", "puts its name before every answer",
          "a finding: text that nobody asked for is put into answers",
          say=in_content(lambda text: f"[ExampleCloud] {text}")),
    Fault("greets", "begins every answer with the same words", "a finding: answers begin with the same words",
          say=in_content(lambda text: f"Sure! Here is the answer:\n\n{text}")),
    Fault("writes-only-one-sign", "writes nothing but exclamation marks, and no content where it thinks",
          "a finding: answers degenerate", say=_degenerate),
    Fault("loops-in-content", "ends every answer in the same words over and over", "a finding: answers degenerate",
          say=_looping),
    Fault("loops-in-thinking", "thinks the same words over and over", "a warning: thinking loops",
          say=_looping_thought),
    Fault("speaks-in-salad", "writes pieces of words of many scripts", "a finding: answers are not language",
          say=in_content(_salad)),
)  # fmt: skip
