"""Faults in the form and the pace of streams."""

from collections.abc import Callable
from dataclasses import replace

from kvv_action.schema import Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.chunks import delta_of, in_streams, with_delta
from kvv_action.simulator.faults.model import FAILS, Fault, Turn
from kvv_action.simulator.wire import DONE, Reply

HELD = 1.2
"""Seconds that a buffering proxy holds every stream back."""

Change = Callable[[list[Json]], list[Json]]


def _without_role(chunks: list[Json]) -> list[Json]:
    return [
        with_delta(chunk, {name: value for name, value in delta_of(chunk).items() if name != "role"})
        if chunk["choices"]
        else chunk
        for chunk in chunks
    ]


def _finished_twice(chunks: list[Json]) -> list[Json]:
    last = [chunk for chunk in chunks if chunk["choices"] and chunk["choices"][0]["finish_reason"]]
    place = chunks.index(last[-1]) if last else len(chunks)
    return [*chunks[:place], *last[-1:], *chunks[place:]]


def _usage_first(chunks: list[Json]) -> list[Json]:
    return sorted(chunks, key=lambda chunk: not chunk.get("usage"))


def _after_content(chunks: list[Json]) -> list[Json]:
    """The last piece of reasoning follows the first of content."""
    thoughts = [at for at, chunk in enumerate(chunks) if delta_of(chunk).get("reasoning_content")]
    words = [at for at, chunk in enumerate(chunks) if delta_of(chunk).get("content")]
    if not thoughts or not words or words[0] < thoughts[-1]:
        return chunks
    late, first = chunks[thoughts[-1]], words[0]
    return [*chunks[: thoughts[-1]], *chunks[thoughts[-1] + 1 : first + 1], late, *chunks[first + 1 :]]


def _other_ids(chunks: list[Json]) -> list[Json]:
    return [{**chunk, "id": f"{chunk['id']}-{number % 2}"} for number, chunk in enumerate(chunks)]


def _other_models(chunks: list[Json]) -> list[Json]:
    return [*chunks[:-1], {**chunks[-1], "model": f"{chunks[-1]['model']}-fallback"}] if chunks else chunks


def _with_empty_chunk(chunks: list[Json]) -> list[Json]:
    return [{**chunks[0], "choices": []}, *chunks] if chunks else chunks


def _in_one_piece(chunks: list[Json]) -> list[Json]:
    """Each text of an answer in one chunk; tool calls stay as they are."""
    joined: list[Json] = []
    for chunk in chunks:
        delta, last = delta_of(chunk), delta_of(joined[-1]) if joined else {}
        (name, text), *others = [*delta.items()] or [("", "")]
        if not others and isinstance(text, str) and name and name in last and "role" not in last:
            joined[-1] = with_delta(joined[-1], {name: last[name] + text})
        else:
            joined.append(chunk)
    return joined


def _without_done(reply: Reply, _: Turn) -> Reply:
    return replace(reply, parts=tuple(part for part in reply.parts if part != DONE))


def _held(reply: Reply, _: Turn) -> Reply:
    return replace(reply, delay=reply.delay + HELD, pause=0.0) if reply.streamed else reply


def _as_document(call: Call) -> Call:
    return replace(call, stream=False)


FAULTS = (
    Fault("drops-role", "streams without saying whose turn it is", f"{FAILS}the first chunk has no role",
          send=in_streams(_without_role)),
    Fault("repeats-finish-reason", "sends the chunk with finish_reason twice",
          f"{FAILS}the end of a stream is not well formed", send=in_streams(_finished_twice)),
    Fault("drops-done", "ends streams without [DONE]",
          f"{FAILS}the end of a stream is not well formed; answers are still scored", send=_without_done),
    Fault("usage-first", "sends usage in the first chunk of a stream",
          f"{FAILS}clients that read the last chunk find no usage", send=in_streams(_usage_first)),
    Fault("reasoning-after-content", "streams the end of the reasoning after the beginning of the content",
          f"{FAILS}the parts of a stream are out of order", send=in_streams(_after_content)),
    Fault("mixes-chunk-ids", "gives the chunks of one stream two ids in turn",
          f"{FAILS}chunks of one stream do not belong together", send=in_streams(_other_ids)),
    Fault("changes-model-midway", "ends streams under the name of another model",
          f"{FAILS}a router changed the model in the middle of an answer", send=in_streams(_other_models)),
    Fault("sends-empty-chunks", "opens streams with a chunk without choices and without usage",
          f"{FAILS}clients that look at the first choice break", send=in_streams(_with_empty_chunk)),
    Fault("streams-in-one-piece", "waits for the whole answer and sends it as one chunk", f"{FAILS}the stream is none",
          send=in_streams(_in_one_piece)),
    Fault("buffers-streams", f"sits behind a proxy that holds a stream back, here for {HELD:g} s, and sends it at once",
          f"{FAILS}the first token of a long answer comes with the last", send=_held),
    Fault("ignores-stream", "answers with one JSON document when a stream is asked for",
          f"{FAILS}the stream is none; answers are still scored", hear=_as_document),
)  # fmt: skip
