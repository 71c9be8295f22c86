"""Builds the HTTP requests; large bodies (images, long contexts) are sent in pieces.

Headers go beside a request and its response as httpx's extensions: as the headers of each they would be copied, and
decoded and encoded, several times, which takes longer than sending them.
"""

from collections.abc import AsyncIterator

import httpx
from multidict import CIMultiDict

HEADERS = "headers"
"""The extension: of a request a mapping of texts, of a response pairs of bytes."""
Headers = CIMultiDict[str]
PIECE = 256 * 1024


class Pieces(httpx.AsyncByteStream):
    """A large body in pieces, so that sending it does not block the streams that are being read."""

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), PIECE):
            yield bytes(self._content[start : start + PIECE])


def url_below(base_url: str, path: str) -> httpx.URL:
    """The URL of `path` below the base URL, or below its origin when the path begins with a slash."""
    url = httpx.URL(base_url)
    return url.copy_with(path=path if path.startswith("/") else f"{url.path.rstrip('/')}/{path}", fragment=None)


def fetch_request(url: httpx.URL, headers: Headers) -> httpx.Request:
    """A GET."""
    return httpx.Request("GET", url, stream=httpx.ByteStream(b""), extensions={HEADERS: headers})


def chat_request(url: httpx.URL, headers: Headers, content: bytes) -> httpx.Request:
    """A POST of JSON."""
    if len(content) <= PIECE:
        return httpx.Request("POST", url, stream=httpx.ByteStream(content), extensions={HEADERS: headers})
    sized = headers.copy()
    sized["Content-Length"] = str(len(content))
    return httpx.Request("POST", url, stream=Pieces(content), extensions={HEADERS: sized})
