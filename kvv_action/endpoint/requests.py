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
    """The URL of `path` below the base URL."""
    url = httpx.URL(base_url)
    return url.copy_with(path=f"{url.path.rstrip('/')}/{path}", fragment=None)


def fetch_request(url: httpx.URL, headers: httpx.Headers, *, connect: float) -> httpx.Request:
    """A GET; `connect` is in seconds."""
    return httpx.Request("GET", url, headers=headers, extensions=_timeouts(connect))


def chat_request(url: httpx.URL, headers: httpx.Headers, content: bytes, *, connect: float) -> httpx.Request:
    """A chat-completions request; `connect` is in seconds."""
    extensions = _timeouts(connect)
    if len(content) <= PIECE:
        return httpx.Request("POST", url, headers=headers, content=content, extensions=extensions)
    sized = httpx.Headers([*headers.raw, (b"Content-Length", str(len(content)).encode())])
    return httpx.Request("POST", url, headers=sized, stream=Pieces(content), extensions=extensions)


def _timeouts(connect: float) -> dict[str, dict[str, float]]:
    """The only deadline that the transport enforces.

    aiohttp's `connect` (httpx calls it pool) includes name resolution and proxies, `sock_connect` does not.
    """
    return {"timeout": {"connect": connect, "pool": connect}}
