"""The output of a command in bounded memory: splits the engine's frames, keeps head and tail."""

from kvv_action.errors import SandboxError

HEADER = 8
STREAMS = (0, 1, 2)


class HeadTail:
    """The first and the last bytes of a stream of any length.

    Args:
        limit: bytes that are kept at most, half of them from the beginning.
    """

    def __init__(self, limit: int) -> None:
        self._head_room = limit - limit // 2
        self._tail_room = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the stream."""
        self.total += len(data)
        room = self._head_room - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if self._tail_room and len(data):
            self._tail += data[-self._tail_room :]
            if len(self._tail) > 2 * self._tail_room + 65536:
                del self._tail[: -self._tail_room]

    @property
    def omitted(self) -> int:
        """Bytes left out in the middle."""
        return self.total - len(self._head) - min(len(self._tail), self._tail_room)

    def kept(self) -> bytes:
        """Head and tail, with nothing in between."""
        tail = self._tail[-self._tail_room :] if self._tail_room else b""
        return bytes(self._head) + bytes(tail)


class Frames:
    """Extracts standard output and error from the engine's multiplexed stream, in order of arrival.

    A frame is a byte that names the stream, three zero bytes, the length as four bytes (big endian), and the data.

    Args:
        sink: gets the data of both streams.
    """

    def __init__(self, sink: HeadTail) -> None:
        self._sink = sink
        self._header = bytearray()
        self._left = 0

    def feed(self, block: bytes) -> None:
        """Take the next bytes from the engine, split anywhere.

        Raises:
            SandboxError: the bytes are not such a stream.
        """
        view = memoryview(block)
        while len(view):
            if self._left:
                self._sink.add(view[: self._left])
                taken = min(self._left, len(view))
                self._left -= taken
            else:
                taken = min(HEADER - len(self._header), len(view))
                self._header += view[:taken]
                self._begin()
            view = view[taken:]

    def _begin(self) -> None:
        if len(self._header) < HEADER:
            return
        if self._header[0] not in STREAMS or any(self._header[1:4]):
            raise SandboxError("the container engine sent a stream that is not in its own format")
        self._left = int.from_bytes(self._header[4:], "big")
        self._header.clear()
