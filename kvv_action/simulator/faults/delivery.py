"""Faults in the delivery of answers: on the way from the vendor to the client."""

from dataclasses import replace

from kvv_action.simulator.faults.model import Coin, Fault, Turn
from kvv_action.simulator.wire import Ending, Flood, Reply, answered

BLOCK = 64 * 1024
_MARK = "@flood@"


def _half(reply: Reply) -> Reply:
    """The first half: of the events of a stream, of the bytes of a document."""
    if reply.streamed:
        return replace(reply, parts=reply.parts[: len(reply.parts) // 2])
    body = b"".join(reply.parts)
    return replace(reply, parts=(body[: len(body) // 2],))


def _truncated(reply: Reply, _: Turn) -> Reply:
    return _half(reply) if reply.status == 200 else reply


def _disconnected(reply: Reply, _: Turn) -> Reply:
    return replace(_half(reply), ending=Ending.ABORTED)


def _hung(reply: Reply, _: Turn) -> Reply:
    return replace(reply, ending=Ending.NEVER)


def _slowed(reply: Reply, turn: Turn) -> Reply:
    return replace(reply, delay=reply.delay + turn.visit.options.slow_seconds)


def _garbled(reply: Reply, _: Turn) -> Reply:
    """The middle event, or the document, with broken JSON."""
    if reply.status != 200 or not reply.parts:
        return reply
    middle = len(reply.parts) // 2 if reply.streamed else 0
    part = reply.parts[middle]
    broken = b'data: {"choices": [{"delta": {"content": "\n\n' if reply.streamed else part[:-1] + b",}"
    return replace(reply, parts=(*reply.parts[:middle], broken, *reply.parts[middle + 1 :]))


def _flooded(reply: Reply, turn: Turn) -> Reply:
    """Content that goes on for `huge_bytes`; the document is split where its content stands."""
    if turn.call is None or turn.answer is None:
        return reply
    options = turn.visit.options
    marked = answered(turn.call, replace(turn.answer, content=_MARK), None, options.chunk_tokens * BLOCK)
    whole = b"".join(marked.parts)
    head, _, tail = whole.partition(_MARK.encode())
    if not reply.streamed:
        block = b"a" * BLOCK
        return replace(reply, parts=(head, tail), flood=_flood(block, options.huge_bytes))
    opening, _, start = head.rpartition(b"data: ")
    end, _, rest = tail.partition(b"\n\n")
    around = len(start) + len(end) + len(b"data: \n\n")
    block = b"data: " + start + b"a" * max(1, BLOCK - around) + end + b"\n\n"
    return replace(reply, parts=(opening, rest), flood=_flood(block, options.huge_bytes))


def _flood(block: bytes, size: int) -> Flood:
    return Flood(block=block, times=max(1, size // len(block)), before=1)


FAULTS = (
    Fault("truncates-stream", "ends half-way as if that were the end, without finish reason",
          "a truncated answer is a transport failure, never a wrong answer and never `stop`", coin=Coin.OCCURRENCE,
          send=_truncated),
    Fault("slow", "takes long until the first token",
          "time to first token shows it; a deadline, where set, counts it as failed", coin=Coin.OCCURRENCE,
          send=_slowed),
    Fault("hangs", "accepts a request and never answers",
          "the deadline for the first token ends the wait; the sample is failed", coin=Coin.OCCURRENCE, send=_hung),
    Fault("disconnects", "closes the connection in the middle of an answer",
          "retry within bounds; what stays cut off is failed, never wrong", coin=Coin.OCCURRENCE, send=_disconnected),
    Fault("invalid-json", "sends broken JSON", "a bad response; the sample is failed, never wrong",
          coin=Coin.OCCURRENCE, send=_garbled),
    Fault("huge-response", "sends content without end",
          "reading stops at the size limit; the sample is failed, memory stays bounded", coin=Coin.OCCURRENCE,
          send=_flooded),
)  # fmt: skip
