"""A body that is taken as text: of something that is no completion, or of a completion byte by byte."""

import hashlib

import httpx

from kvv_action.endpoint.body import too_large
from kvv_action.endpoint.reassembly import Reassembly

LONGEST, LONGEST_POSTED = 64 * 1024, 2 * 1024 * 1024
"""Bytes of the body that are kept: of a GET, and of an answer to a post."""


def url_of(base_url: str, path: str) -> httpx.URL:
    """The address of `path` below the base URL, or below its origin when it begins with a slash."""
    url = httpx.URL(base_url)
    return url.copy_with(path=path if path.startswith("/") else f"{url.path.rstrip('/')}/{path}", fragment=None)


def fetch_request(url: httpx.URL, headers: httpx.Headers, *, connect: float) -> httpx.Request:
    """A GET; `connect` is in seconds."""
    return httpx.Request("GET", url, headers=headers, extensions={"timeout": {"connect": connect, "pool": connect}})


class TextBody:
    """A body that is taken as text, whatever it says; reads like `Body`.

    Attributes:
        assembly: holds the text as content.
        size: bytes received.
        streamed: always False.
    """

    streamed = False
    longest = LONGEST

    def __init__(self, *, limit: int, encoding: str = "") -> None:
        del encoding  # kept as received: only identity was accepted
        self.assembly = Reassembly()
        self.size = 0
        self._limit = limit
        self._hash = hashlib.sha256()
        self._kept = bytearray()

    def feed(self, data: bytes) -> bool:
        """Take what one read brought.

        Raises:
            EndpointError: the body is too large.
        """
        self.size += len(data)
        if self.size > self._limit:
            raise too_large(self._limit)
        self._hash.update(data)
        self._kept += data[: max(0, self.longest - len(self._kept))]
        return True

    def close(self) -> None:
        """The body is over."""
        self.assembly.take_text(self._kept.decode(errors="replace"))

    @property
    def sha256(self) -> str:
        """Digest of the body as received."""
        return self._hash.hexdigest()


class PostedBody(TextBody):
    """The answer to a posted body; a stream of events is kept as it came."""

    longest = LONGEST_POSTED
