"""The body of one response: counted, digested, decompressed, and handed to the reassembly."""

import hashlib
import zlib
from collections.abc import Callable

from kvv_action.endpoint.anomalies import Anomaly
from kvv_action.endpoint.reassembly import Reassembly
from kvv_action.endpoint.shapes import bad_response
from kvv_action.endpoint.stream import EventReader
from kvv_action.errors import EndpointError
from kvv_action.schema import FailureKind

_SPACE = b"\xef\xbb\xbf \t\r\n"
_EVENT_STARTS = b":dier"  # comment, data, id, event, retry
_HEAD = 65536


class Body:
    """Reads a body as it comes, and decides by its first character whether it is a stream or a document.

    Attributes:
        assembly: what the body said.
        size: bytes received.
        streamed: the body is a stream; None until its first character has come.
    """

    def __init__(self, *, limit: int, encoding: str = "") -> None:
        self.assembly = Reassembly()
        self.size = 0
        self.streamed: bool | None = None
        self._limit = limit
        self._hash = hashlib.sha256()
        self._events = EventReader()
        self._parts: list[bytes] = []
        self._head = b""
        self._unpack = _unpacker(encoding, limit)
        if self._unpack is not None:
            self.assembly.note(Anomaly.COMPRESSED)

    def feed(self, data: bytes) -> bool:
        """Take what one read brought; True when it held an event or part of a document, not only comments.

        Raises:
            EndpointError: the body is too large or cannot be read.
        """
        self.size += len(data)
        if self.size > self._limit:
            raise too_large(self._limit)
        self._hash.update(data)
        if self._unpack is not None:
            data = self._unpack(data)
        if self.streamed:
            if events := self._events.feed(data):
                self.assembly.feed(events)
                return True
            return False
        return self._document_or_start(data)

    def _document_or_start(self, data: bytes) -> bool:
        if self.streamed is False:
            self._parts.append(data)
            return True
        data = data.lstrip(_SPACE)
        if not data:
            return False
        self.streamed = data[0] in _EVENT_STARTS
        if not self.streamed:
            self._parts.append(data)
            return True
        self._head = data[:_HEAD]
        events = self._events.feed(data)
        self.assembly.feed(events)
        return bool(events)

    def close(self) -> None:
        """The body is over.

        Raises:
            EndpointError: it holds no whole answer.
        """
        if self.streamed is False:
            self.assembly.document(b"".join(self._parts))
            return
        try:
            self.assembly.feed(self._events.close())
        except EndpointError as error:
            if error.kind is not FailureKind.BAD_RESPONSE or not self.assembly.chunks:
                raise
            raise EndpointError(
                FailureKind.TRUNCATED, f"the stream ended inside an event, after {self.assembly.chunks} chunks"
            ) from None
        if self.assembly.chunks == 0 and not self.assembly.ended and self._head and self._head[0] != ord(":"):
            raise bad_response("the answer is neither JSON nor a stream of events", self._head)
        self.assembly.end()

    @property
    def sha256(self) -> str:
        """Digest of the body as received."""
        return self._hash.hexdigest()


def _unpacker(encoding: str, limit: int) -> Callable[[bytes], bytes] | None:
    """For servers that compress although only `identity` was accepted."""
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
    """Decompresses, and stops where a small body would grow beyond the limit."""

    def __init__(self, wbits: int, limit: int) -> None:
        self._inflate = zlib.decompressobj(wbits)
        self._left = self._limit = limit

    def __call__(self, data: bytes) -> bytes:
        try:
            plain = self._inflate.decompress(data, self._left + 1)
        except zlib.error as error:
            raise bad_response(f"the compressed answer cannot be read: {error}") from None
        self._left -= len(plain)
        if self._left < 0:
            raise too_large(self._limit)
        return plain


def too_large(limit: int) -> EndpointError:
    """The failure of a body beyond its limit."""
    return EndpointError(FailureKind.TOO_LARGE, f"the answer is larger than {limit} bytes")
