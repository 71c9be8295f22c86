"""Bodies: what they are, how large, how they were packed."""

import gzip
import hashlib
import tracemalloc
import zlib

import pytest

from kvv_action.endpoint.body import Body
from kvv_action.errors import EndpointError
from kvv_action.schema import Completion, FailureKind


def read(*parts: bytes, limit: int = 10_000_000, encoding: str = "") -> Completion:
    body = Body(limit=limit, encoding=encoding)
    for part in parts:
        body.feed(part)
    body.close()
    return body.assembly.completion(str, raw_bytes=body.size, raw_sha256=body.sha256, streamed=bool(body.streamed))


@pytest.fixture
def rich(wire) -> bytes:
    """A stream with everything in it, CRLF and LF mixed."""
    head = b"\xef\xbb\xbf: hello\r\n\r\nevent: message\r\nid: 1\r\ndata: "
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"ä": 1}'}}
    tail = wire.events(
        wire.chunk(content="月"), wire.chunk(content="😀\n"), wire.chunk(tool_calls=[call]), wire.chunk("stop"),
        {"choices": [], "usage": {"n": 1}}, "[DONE]",
    )  # fmt: skip
    first = wire.events(wire.chunk(reasoning_content="denke"))[6:-2] + b"\r\n\r\n"
    return head + first + tail


def test_every_split_gives_the_same_answer(rich: bytes) -> None:
    """Reads may end at any byte."""
    whole = read(rich)
    assert (whole.content, whole.reasoning, whole.tool_calls[0].arguments) == ("月😀\n", "denke", '{"ä": 1}')
    assert all(read(rich[:cut], rich[cut:]) == whole for cut in range(len(rich)))
    assert read(*[bytes([byte]) for byte in rich]) == whole


def test_a_document_may_come_in_pieces_after_blank_keep_alives(wire) -> None:
    """Some servers send blank lines until the answer is there."""
    body = wire.document()
    assert read(b"\n", b" \r\n", body[:5], body[5:]).content == "hello"


def test_digest_and_size_are_of_the_bytes_received(rich: bytes) -> None:
    """The evidence is about what came over the wire."""
    answer = read(rich)
    assert (answer.raw_bytes, answer.raw_sha256) == (len(rich), hashlib.sha256(rich).hexdigest())


@pytest.mark.parametrize("head", [b"data: ", b"{", b": "])
def test_size_is_bounded_while_reading(head: bytes) -> None:
    """The limit holds before the end of the body."""
    body = Body(limit=1000)
    body.feed(head + b"x" * 900)
    with pytest.raises(EndpointError, match="1000 bytes") as info:
        body.feed(b"x" * 100)
    assert info.value.kind is FailureKind.TOO_LARGE


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_answers_are_read_although_not_asked_for(wire, encoding: str, pack) -> None:
    """A server that ignores `identity` is tolerated and named."""
    packed = pack(wire.HELLO)
    answer = read(packed[:9], packed[9:], encoding=encoding)
    assert (answer.content, answer.raw_bytes) == ("hello", len(packed))
    assert answer.anomalies == ("compressed-unasked",)


def test_a_small_body_that_unpacks_to_a_large_one_is_too_large() -> None:
    """The limit also holds after decompression, and no more than it is ever unpacked."""
    bomb = gzip.compress(b"{" + b" " * 50_000_000)
    tracemalloc.start()
    with pytest.raises(EndpointError) as info:
        read(bomb, limit=1_000_000, encoding="gzip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert info.value.kind is FailureKind.TOO_LARGE
    assert peak < 5_000_000


@pytest.mark.parametrize(("data", "encoding"), [(b"\x1f\x8bnonsense", "gzip"), (b"x", "br")])
def test_packing_that_cannot_be_read_is_a_bad_response(data: bytes, encoding: str) -> None:
    """Damaged or unknown compression does not crash."""
    with pytest.raises(EndpointError) as info:
        read(data, encoding=encoding)
    assert info.value.kind is FailureKind.BAD_RESPONSE
    assert "Error -" not in info.value.message  # zlib's number says nothing


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", FailureKind.EMPTY_STREAM),
        (b": keep-alive\n\n", FailureKind.EMPTY_STREAM),
        (b"data: [DONE]\n\n", FailureKind.EMPTY_STREAM),
        (b"error: upstream is gone", FailureKind.BAD_RESPONSE),
        (b"<html><body>502</body></html>", FailureKind.BAD_RESPONSE),
        (b"upstream is gone", FailureKind.BAD_RESPONSE),
        (b'{"choices": [{"mess', FailureKind.TRUNCATED),
        (b'data: {"choices": [{"del', FailureKind.TRUNCATED),
        (b'{"choices": nothing}', FailureKind.BAD_RESPONSE),
    ],
)
def test_bodies_that_hold_no_answer(body: bytes, kind: FailureKind) -> None:
    """Nothing is an empty stream, something else is a bad response that shows its beginning."""
    with pytest.raises(EndpointError) as info:
        read(body)
    assert info.value.kind is kind
    assert kind is not FailureKind.BAD_RESPONSE or info.value.body == body.decode()


@pytest.mark.parametrize(
    ("stray", "words"),
    [
        (b'{"error":{"message":"out of memory","code":500}}\n', "out of memory"),
        (b'{"error":"upstream failed"}', "upstream failed"),
        (b'{"object":"error","message":"engine died","code":500}\n\n', "engine died"),
        (b'{\n "error": {\n  "message": "too slow"\n }\n}\n', "too slow"),
        (b"<!DOCTYPE html>\n<html><head><title>504 Gateway Time-out</title></head>\n</html>\n", "504 Gateway Time-out"),
    ],
)
def test_errors_beside_the_events_of_a_stream_are_told(stray: bytes, words: str, wire) -> None:
    """An error or a page that a server or gateway writes into a stream is no mere cut; it has words."""
    begun = wire.events(wire.chunk(content="a"))
    with pytest.raises(EndpointError, match=words) as info:
        read(begun + stray)
    assert info.value.kind is FailureKind.STREAM_ERROR
    whole = begun + wire.events(wire.chunk("stop"), "[DONE]")
    assert read(whole + stray).content == "a"


def test_other_lines_of_a_stream_say_nothing(wire) -> None:
    """JSON that is no error, and unknown fields; the stream is cut all the same."""
    begun = wire.events(wire.chunk(content="a"))
    with pytest.raises(EndpointError) as info:
        read(begun + b'{"progress": 0.5}\nfoo: bar\n')
    assert info.value.kind is FailureKind.TRUNCATED
