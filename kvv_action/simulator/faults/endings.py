"""Faults in how an answer ends: given up by the server, cut, in an error, or with an unknown finish_reason."""

from collections.abc import Callable
from dataclasses import replace

import orjson

from kvv_action.schema import Answer
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.chunks import Document, Send, in_endings
from kvv_action.simulator.faults.model import Coin, Fault, Turn, Visit
from kvv_action.simulator.refusal import error_document
from kvv_action.simulator.wire import DONE, Ending, Reply

GIVEN_UP = (
    "abort", "error", "engine_overloaded", "server_interrupted", "unexpected_state", "malformed_byte_sequence",
    "cancelled", "timeout", "network_error",
)  # fmt: skip
"""Words of SGLang's and of Moonshot's own stream contract, and of gateways."""
UNKNOWN = ("eos_token", "end_turn", "STOP")
"""Words of TGI, of Anthropic's API and of Gemini's."""
TIMEOUT = 5.2
"""Seconds after which something between client and model cuts every answer."""
_OVERLOADED = {"message": "the engine was restarted", "type": "server_error", "code": 500}


def _renamed(word: str, only: frozenset[str] = frozenset()) -> Send:
    """A hook that gives answers another finish_reason; those of `only`, if any are named."""

    def changed(choice: Document) -> Document:
        return {**choice, "finish_reason": word} if not only or choice["finish_reason"] in only else choice

    return in_endings(changed)


def _half(answer: Answer, _: Call) -> Answer:
    """The first half of the text, and no calls."""
    content, thought = answer.content, answer.reasoning
    if content:
        return replace(answer, content=content[: len(content) // 2], tool_calls=())
    return replace(answer, reasoning=thought[: len(thought) // 2], tool_calls=())


def _removed(answer: Answer, _: Call) -> Answer:
    return replace(answer, content="", reasoning="", tool_calls=())


def _given_up(word: str) -> Fault:
    name, summary = f"gives-up-{word.replace('_', '-')}", f"ends in the middle with finish_reason {word}"
    conclusion = "delivery is unreliable: answers are given up; never a wrong answer"
    return Fault(name, summary, conclusion, coin=Coin.OCCURRENCE, say=_half, send=_renamed(word))


def _ending(word: str) -> Fault:
    name, summary = f"says-{word.lower().replace('_', '-')}", f"ends whole answers with finish_reason {word}"
    return Fault(name, summary, "a warning: finish_reason is outside the contract",
                 send=_renamed(word, frozenset({"stop"})))  # fmt: skip


def _streamed(change: Callable[[Reply], Reply]) -> Send:
    return lambda reply, turn: change(reply) if turn.answer is not None and reply.streamed else reply


def _nothing(reply: Reply) -> Reply:
    return replace(reply, parts=(DONE,))


def _empty(reply: Reply, turn: Turn) -> Reply:
    return replace(reply, parts=()) if turn.answer is not None else reply


def _broken_off(event: bytes) -> Callable[[Reply], Reply]:
    """Half of the events, and then one that ends them."""
    return lambda reply: replace(reply, parts=(*reply.parts[: len(reply.parts) // 2], event))


def _unfinished(reply: Reply) -> Reply:
    """All chunks but the one with the finish_reason."""
    return replace(reply, parts=tuple(part for part in reply.parts if b'"finish_reason":"' not in part))


def _inside(reply: Reply) -> Reply:
    """Cut in the middle of the bytes of an event."""
    kept = reply.parts[: len(reply.parts) // 2 + 1]
    return replace(reply, parts=(*kept[:-1], kept[-1][: len(kept[-1]) // 2]), ending=Ending.ABORTED)


def _joined(reply: Reply) -> Reply:
    """Two events run into each other: the lines between them are lost."""
    middle = len(reply.parts) // 2
    return replace(reply, parts=(*reply.parts[:middle], reply.parts[middle].rstrip(b"\n"), *reply.parts[middle + 1 :]))


def _reset(reply: Reply, turn: Turn) -> Reply:
    """The connection is closed after the head of the response."""
    return replace(reply, parts=(), ending=Ending.ABORTED) if turn.answer is not None else reply


def _timed_out(reply: Reply) -> Reply:
    return replace(reply, parts=reply.parts[: len(reply.parts) // 2], delay=TIMEOUT, pause=0.0, ending=Ending.ABORTED)


def _error_in_200(reply: Reply, turn: Turn) -> Reply:
    """An error with the status of an answer."""
    if turn.answer is None:
        return reply
    document = error_document("upstream failed", "server_error")
    return replace(reply, parts=(b"data: " + document + b"\n\n", DONE) if reply.streamed else (document,))


def _status(status: int, text: str) -> Callable[[Visit], Reply]:
    return lambda _: Reply(status=status, parts=(error_document(text, "server_error"),))


def _page(status: int, title: str) -> Callable[[Visit], Reply]:
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>"
    return lambda _: Reply(status=status, parts=(page.encode(),), content_type="text/html")


def _broken(name: str, summary: str, **hooks: Callable[..., object]) -> Fault:
    """A fault of delivery, whose retry may succeed."""
    conclusion = "delivery is unreliable: share and kinds of broken first tries; retries do not hide it"
    return Fault(name, summary, conclusion, coin=Coin.OCCURRENCE, **hooks)  # type: ignore[arg-type]


_named_error = b"event: error\ndata: " + orjson.dumps(_OVERLOADED) + b"\n\n"
_error_event = b"data: " + orjson.dumps({"error": _OVERLOADED}) + b"\n\n"
_error_line = orjson.dumps({"error": _OVERLOADED}) + b"\n"
_page_inside = b"<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n"
FAULTS = (
    *map(_given_up, GIVEN_UP),
    *map(_ending, UNKNOWN),
    Fault("filters-content", "removes answers and says content_filter",
          "a failure of the server, not retried, never a wrong answer: a filter removes answers", say=_removed,
          send=_renamed("content_filter")),
    Fault("says-length-for-whole-answers", "ends whole answers with finish_reason length",
          "finish_reason contradicts the count of tokens", send=_renamed("length", frozenset({"stop"}))),
    _broken("sends-empty-stream", "sends a stream that holds nothing but [DONE]", send=_streamed(_nothing)),
    _broken("sends-empty-body", "answers 200 with an empty body", send=_empty),
    _broken("sends-error-event", "sends an error in the middle of a stream", send=_streamed(_broken_off(_error_event))),
    _broken("sends-named-error", "ends a stream with an event named error", send=_streamed(_broken_off(_named_error))),
    _broken("writes-error-line", "writes an error into a stream, as a line of its own",
            send=_streamed(_broken_off(_error_line))),
    _broken("writes-page", "writes a page into a stream, and ends it", send=_streamed(_broken_off(_page_inside))),
    _broken("sends-error-as-answer", "answers 200 with an error instead of choices", send=_error_in_200),
    _broken("loses-finish-chunk", "streams all but the chunk with finish_reason", send=_streamed(_unfinished)),
    _broken("cuts-inside-event", "closes the connection in the middle of an event", send=_streamed(_inside)),
    _broken("joins-events", "loses the empty line between two events", send=_streamed(_joined)),
    _broken("resets-connections", "closes the connection after the head of the response", send=_reset),
    _broken("cuts-at-one-time", f"cuts every stream after {TIMEOUT:g} s", send=_streamed(_timed_out)),
    _broken("answers-internal-error", "answers 500", admit=_status(500, "internal server error")),
    _broken("answers-bad-gateway", "answers 502 with a page", admit=_page(502, "Bad Gateway")),
    _broken("answers-gateway-timeout", "answers 504 with a page", admit=_page(504, "Gateway Time-out")),
    Fault("sheds-load", "answers 529, the engine is overloaded", "lack of capacity, told apart from broken answers",
          coin=Coin.OCCURRENCE, admit=_status(529, "the engine is overloaded, please try again later")),
)  # fmt: skip
