"""Builds the HTTP requests; large bodies (images, long contexts) are sent in pieces."""

from collections.abc import AsyncIterator

import httpx

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


def fetch_request(url: httpx.URL, headers: httpx.Headers) -> httpx.Request:
    """A GET."""
    return httpx.Request("GET", url, headers=headers, stream=httpx.ByteStream(b""))


def chat_request(url: httpx.URL, headers: httpx.Headers, content: bytes) -> httpx.Request:
    """A chat-completions request; the transport adds what HTTP itself needs, which httpx would do at each request."""
    if len(content) <= PIECE:
        return httpx.Request("POST", url, headers=headers, stream=httpx.ByteStream(content))
    sized = httpx.Headers([*headers.raw, (b"Content-Length", str(len(content)).encode())])
    return httpx.Request("POST", url, headers=sized, stream=Pieces(content))
