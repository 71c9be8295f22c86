"""Reads the body of one response: counts, digests and decompresses it for the reassembly."""

import contextlib
import hashlib
import sys
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator

from kvv_action.anomalies import Anomaly
from kvv_action.endpoint.memory import reading_cost, roomy, too_long
from kvv_action.endpoint.reassembly import Reassembly
from kvv_action.endpoint.shapes import Clean, bad_response
from kvv_action.endpoint.stream import EventReader
from kvv_action.errors import EndpointError
from kvv_action.schema import FailureKind

_SPACE = b"\xef\xbb\xbf \t\r\n"
_EVENT_STARTS = b":dier"  # comment, data, id, event, retry
_HEAD = 65536
TURN = 4096
"""Bytes of a stream that a task reads while others wait: some events take a thousand times as long as others."""
ASIDE = 256 * 1024
"""An event or answer that takes more bytes of memory is read, or put together, in a thread."""
PORTION = 64 * 1024
"""Bytes that are decompressed at a time, and of an event from which its cost is looked at before it is read."""
_LINE_COPIES = 3
"""Copies of a line while its event is taken out of it."""
LONGEST_TEXT, LONGEST_POSTED = 64 * 1024, 2 * 1024 * 1024
"""Bytes of a text that are kept."""


def unbounded(held: int) -> None:
    """Let an answer hold as much as it likes."""


class _Received(ABC):
    """The received bytes: counted, digested and bounded.

    Args:
        limit: bytes, received and decompressed.
        clean: removes secrets from a text.
        hold: is told how many bytes of memory the answer takes, before it takes them; it may refuse.
    """

    def __init__(self, limit: int, clean: Clean, hold: Callable[[int], None]) -> None:
        self.assembly = Reassembly(clean)
        self.size = 0
        self._limit = limit
        self._hold = hold
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Digest of the body as received."""
        return self._hash.hexdigest()

    def _count(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self._limit:
            raise _too_large(self._limit)
        self._hash.update(data)

    def portions(self, data: bytes) -> Iterable[bytes]:
        """The bytes of one read in portions for `take`.

        Raises:
            EndpointError: the body is too large or cannot be decompressed.
        """
        self._count(data)
        return (data,)

    def feed(self, data: bytes) -> bool:
        """Take the bytes of one read at once, as in `take`."""
        said = False
        for portion in self.portions(data):
            said |= self.take(portion)
        return said

    def takes_long(self, data: bytes) -> bool:
        """Whether `take` should be called in a thread, for the sake of others."""
        del data
        return False

    @property
    def long(self) -> bool:
        """Whether an answer is to be put together in a thread."""
        return self.size > ASIDE

    @abstractmethod
    def take(self, data: bytes) -> bool:
        """Take a portion; returns whether it held an event or part of a document, not only comments.

        Raises:
            EndpointError: it cannot be read, or takes too much memory.
        """


class TextBody(_Received):
    """A body that is taken as text, whatever it contains; it has the interface of `Body`.

    Attributes:
        assembly: holds the text as content.
        size: bytes received.
        streamed: always False.
    """

    streamed = False
    longest = LONGEST_TEXT

    def __init__(
        self,
        *,
        limit: int,
        encoding: str = "",
        clean: Clean = str,
        hold: Callable[[int], None] = unbounded,
        most: int = sys.maxsize,
    ) -> None:
        del encoding, most  # kept as received: only identity was accepted; never long
        super().__init__(limit, clean, hold)
        self._kept = bytearray()

    def take(self, data: bytes) -> bool:
        """Take a portion."""
        self._hold(min(self.size, self.longest))
        self._kept += data[: max(0, self.longest - len(self._kept))]
        return True

    def close(self) -> None:
        """End of the body."""
        self.assembly.take_text(self._kept.decode(errors="replace"))


class PostedBody(TextBody):
    """The answer to a posted body that is no chat completion; a stream of events is kept as it came."""

    longest = LONGEST_POSTED


class Body(_Received):
    """The body of a completion; its first character tells whether it is a stream or a document.

    Args:
        most: bytes of memory that the texts of the answer may take; the others are those of `_Received`.

    Attributes:
        assembly: the content of the body.
        size: bytes received.
        streamed: the body is a stream; None until its first character has come.
    """

    def __init__(
        self,
        *,
        limit: int,
        encoding: str = "",
        clean: Clean = str,
        hold: Callable[[int], None] = unbounded,
        most: int = sys.maxsize,
    ) -> None:
        super().__init__(limit, clean, hold)
        self._most = most
        self.streamed: bool | None = None
        self._events = EventReader()
        self._document = bytearray()
        self._head = b""
        self._untold = 0  # bytes of a stream since the memory that it takes was told last
        self._unpack = _unpacker(encoding, limit)
        if self._unpack is not None:
            self.assembly.note(Anomaly.COMPRESSED)

    def portions(self, data: bytes) -> Iterable[bytes]:
        """See `_Received.portions`."""
        self._count(data)
        plain = (data,) if self._unpack is None else self._unpack(data)
        return plain if len(data) < TURN or not self.streamed else _turns(plain)

    def takes_long(self, data: bytes) -> bool:
        """See `_Received.takes_long`: a long event ends here."""
        return self._events.held > ASIDE and b"\n" in data

    @property
    def long(self) -> bool:
        """See `_Received.long`."""
        return self.held > ASIDE

    def take(self, data: bytes) -> bool:
        """See `_Received.take`."""
        if not self.streamed:
            return self._document_or_start(data)
        if self._events.held > PORTION and b"\n" in data:
            self._hold_for_now(_LINE_COPIES * self._events.held)
        events = self._events.feed(data)
        self._read(events, len(data))
        return bool(events)

    def _read(self, events: list[bytes], size: int) -> None:
        """Read events; only the first of a portion can be longer than the portion."""
        if events and len(events[0]) > PORTION:
            self._hold_for_now(len(events[0]) + reading_cost(events[0]))
            size = len(events[0])  # most of it came in earlier portions
        self.assembly.feed(events)
        self._untold += size
        if self._untold >= TURN:
            self._tell_held()

    def _tell_held(self) -> None:
        """Tell how much memory is taken: once in `TURN` bytes, because it costs as much as reading an event."""
        self.assembly.fold(self._untold)
        self._untold = 0
        self._hold(self.held)
        self._measure()

    def _measure(self) -> None:
        if self.assembly.held > self._most:
            raise too_long(self._most)

    def _hold_for_now(self, more: int) -> None:
        """Hold more memory until the end of this read."""
        self._hold(self.held + more)
        self._untold = TURN

    @property
    def held(self) -> int:
        """About how many bytes of memory the answer takes."""
        return roomy(len(self._document)) + self._events.held + self.assembly.held

    def _document_or_start(self, data: bytes) -> bool:
        if self.streamed is False:
            self._document += data
            self._hold(self.held)
            return True
        data = data.lstrip(_SPACE)
        if not data:
            return False
        self.streamed = data[0] in _EVENT_STARTS
        if not self.streamed:
            self._document += data
            return True
        self._head = data[:_HEAD]
        return self.take(data)

    def close(self) -> None:
        """End of the body.

        Raises:
            EndpointError: it contains no whole answer.
        """
        if self.streamed is False:
            if len(self._document) > PORTION:
                self._hold(2 * len(self._document) + reading_cost(self._document))
            document = bytes(self._document)
            self._document.clear()
            try:
                self.assembly.document(document)
            except EndpointError as error:
                raise _cut_inside(document, error) from None
            self.assembly.fold(len(document))
            self._measure()
            return
        rest = self._events.close()
        try:
            self._read(rest, 0)
        except EndpointError as error:
            raise _cut_inside(b"".join(rest), error) from None
        self._tell_held()
        self.read_aside()
        unlike = self._head and self._head[0] != ord(":") and not self.assembly.ended
        if self.assembly.chunks == 0 and unlike:
            raise bad_response("the answer is neither JSON nor a stream of events", self._head)
        self.assembly.end()

    def read_aside(self) -> None:
        """Look at what stands in a stream beside its events.

        Raises:
            EndpointError: it is an error.
        """
        if self.streamed:
            self.assembly.read_aside(self._events.stray)


def _turns(parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        for start in range(0, len(part), TURN):
            yield part[start : start + TURN]


def _cut_inside(text: bytes, error: EndpointError) -> EndpointError:
    """What went wrong with the end of a body: JSON that begins and does not end was cut off; it is not malformed."""
    text = text.strip()
    if error.kind is not FailureKind.BAD_RESPONSE or text[:1] != b"{" or text[-1:] == b"}":
        return error
    message = f"the answer ended inside its JSON, after {len(text)} bytes of it"
    return EndpointError(FailureKind.TRUNCATED, message, body=error.body)


def unpacked(data: bytes, encoding: str, *, limit: int) -> bytes:
    """The text of a refusal, up to a limit; as it came where it cannot be decompressed."""
    wbits = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
    bits = wbits.get(encoding.strip().lower())
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj(bits).decompress(data, limit) if bits else data
    return data


def _unpacker(encoding: str, limit: int) -> Callable[[bytes], Iterator[bytes]] | None:
    """A decompressor, for servers that compress although only `identity` was accepted."""
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return _Inflater(16 + zlib.MAX_WBITS, limit)
        case "deflate":
            return _Inflater(zlib.MAX_WBITS, limit)
        case other:
            raise bad_response(f"the answer is compressed with {other!r}, which was not asked for")


class _Inflater:
    """Decompresses up to the limit."""

    def __init__(self, wbits: int, limit: int) -> None:
        self._inflate = zlib.decompressobj(wbits)
        self._left = self._limit = limit

    def __call__(self, data: bytes) -> Iterator[bytes]:
        while data:
            try:
                plain = self._inflate.decompress(data, PORTION)
            except zlib.error as error:
                why = str(error).rpartition(": ")[2]  # behind the number of the error
                raise bad_response(f"the compressed answer cannot be read: {why}") from None
            self._left -= len(plain)
            if self._left < 0:
                raise _too_large(self._limit)
            if plain:
                yield plain
            data = self._inflate.unconsumed_tail


def _too_large(limit: int) -> EndpointError:
    return EndpointError(FailureKind.TOO_LARGE, f"the answer is larger than {limit} bytes")
