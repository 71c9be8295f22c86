"""What a command prints, in bounded memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvv_action.errors import SandboxError
from kvv_action.sandbox.output import Frames, HeadTail


def frame(data: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


@given(st.lists(st.binary(max_size=60)), st.integers(0, 50))
def test_head_and_tail(blocks: list[bytes], limit: int) -> None:
    """However it is cut: all of it when it fits, else its beginning and its end, and the rest is counted."""
    output, whole = HeadTail(limit), b"".join(blocks)
    for block in blocks:
        output.add(block)
    kept = output.kept()
    assert len(kept) == min(limit, len(whole))
    assert output.omitted == len(whole) - len(kept)
    head = limit - limit // 2
    assert kept[:head] == whole[:head]
    if len(whole) > limit and limit > 1:
        assert kept[head:] == whole[-(limit // 2) :]


@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 2))), st.integers(1, 17))
def test_frames_cut_anywhere(frames: list[tuple[bytes, int]], size: int) -> None:
    """Both streams come in the order of arrival, wherever the connection cuts them."""
    sent = b"".join(frame(data, stream) for data, stream in frames)
    output = HeadTail(10_000)
    reader = Frames(output)
    for start in range(0, len(sent), size):
        reader.feed(sent[start : start + size])
    assert output.kept() == b"".join(data for data, _ in frames)


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 500 oh no", b"\x03\0\0\0\0\0\0\1x", b"\x01\0\1\0\0\0\0\1x"])
def test_what_is_no_such_stream(garbage: bytes) -> None:
    """It is an error of the engine, never output."""
    with pytest.raises(SandboxError, match="not in its own format"):
        Frames(HeadTail(10)).feed(garbage)


def test_a_flood_needs_no_memory() -> None:
    """Of a gigabyte no more is held than the limit and one block."""
    output, block = HeadTail(1000), bytes(2**20)
    for _ in range(1024):
        output.add(block)
    assert output.omitted == 2**30 - 1000
    assert len(output._tail) < 2**18
