"""Opens the transport: httpx over aiohttp's connection pool, which handles 500 streams cheaply."""

import ssl
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream, map_aiohttp_exceptions

from kvv_action.authorities import trusted
from kvv_action.endpoint.connection import LONGEST_LINE, MOST_FIELDS, BoundedConnector, kept
from kvv_action.endpoint.options import ClientOptions
from kvv_action.endpoint.requests import HEADERS
from kvv_action.errors import Problem, UsageError

KEEPALIVE = 4.0
"""Seconds that an idle connection stays open: less than the 5 s of uvicorn (vLLM, SGLang)."""

READ_BUFFER = 64 * 1024
"""Bytes of a body that wait to be read, from which a connection is read no further until they are."""

STALE = 5.0
"""Seconds within which a server that had closed a kept connection shows it, also on a busy machine."""

BLOCK = 16 * 1024
"""Bytes of a body that are handed over at a time at most."""


class ReceivedBody(AiohttpResponseStream):
    """The body of a response in blocks, as they come."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._aiohttp_response.content
        try:
            while not content.at_eof():
                if block := await content.read(BLOCK):
                    yield block
        except Exception:
            with map_aiohttp_exceptions():
                raise

    async def aclose(self) -> None:
        """Hang up on what was not read."""
        if not self._aiohttp_response.closed:  # as it is once the whole body was read
            await super().aclose()


class EndpointTransport(AiohttpTransport):
    """Sends a request over another connection where the server had closed a kept one meanwhile.

    A server may do so at any time (RFC 9112, section 9.5), and llama.cpp's does after streams: it has not taken the
    request then, so this is no failure. One that takes longer than `STALE` to hang up has taken it. From the first time
    on, every request gets a connection of its own, so that a server that drops requests cannot hide behind this.
    """

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        proxy = _proxy(options.base_url)
        super().__init__(verify=_context(options.base_url, proxy), proxy=proxy, client=self._session)
        self._former: aiohttp.ClientSession | None = None
        # the only deadline of the transport; `connect` includes name resolution and proxies, `sock_connect` does not
        timeout = aiohttp.ClientTimeout(connect=options.connect_timeout, sock_connect=options.connect_timeout)
        self._always: dict[str, Any] = {"allow_redirects": False, "timeout": timeout, **_by_way_of(proxy)}

    def _session(self, *, fresh: bool = False) -> aiohttp.ClientSession:
        """Drops cookies: a load balancer's cookie would send the whole run to one server."""
        keeping: dict[str, Any] = {"force_close": True} if fresh else {"keepalive_timeout": KEEPALIVE}
        connector = BoundedConnector(limit=self._options.max_connections, ssl=self.ssl_context, **keeping)
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=READ_BUFFER, auto_decompress=False,
            max_line_size=LONGEST_LINE, max_field_size=LONGEST_LINE, max_headers=MOST_FIELDS,
        )  # fmt: skip

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        began = time.monotonic()
        while True:
            kept.set(False)
            try:
                return await self._sent(request)
            except httpx.TransportError as error:
                if not (kept.get() and _untaken(error.__cause__, time.monotonic() - began)):
                    raise
                self._keep_no_more()

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        """As in `AiohttpTransport`, but in half the time: most arguments are the same for every request."""
        if not isinstance(self.client, aiohttp.ClientSession):
            self.client = self._session()
        data: Any = request.stream
        if isinstance(data, httpx.ByteStream):
            content = b"".join(data)
            data = aiohttp.BytesPayload(content) if content else None
        try:
            response = await self.client.request(
                request.method, str(request.url), headers=request.extensions[HEADERS], data=data, **self._always
            )
        except Exception:
            with map_aiohttp_exceptions():
                raise
        extensions = {HEADERS: response.raw_headers}
        return httpx.Response(response.status, stream=ReceivedBody(response), request=request, extensions=extensions)

    def _keep_no_more(self) -> None:
        """From here on each request has a connection of its own; what is on its way ends over the old ones."""
        if self._former is None and isinstance(self.client, aiohttp.ClientSession):
            self._former, self.client = self.client, self._session(fresh=True)

    async def aclose(self) -> None:
        """Close all connections."""
        await super().aclose()
        if self._former is not None:
            await self._former.close()


def _context(base_url: str, proxy: httpx.Proxy | None) -> ssl.SSLContext:
    """Trusts the usual authorities; without encryption it trusts nobody, because reading them delays the start."""
    if "https" in (httpx.URL(base_url).scheme, proxy.url.scheme if proxy else ""):
        return trusted()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _untaken(error: BaseException | None, seconds: float) -> bool:
    """Whether the server cannot have taken a request that it hung up on: it was not sent whole, or it hung up soon."""
    if isinstance(error, aiohttp.ClientOSError) and "Can not write request body" in str(error):
        return True
    return isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) and seconds < STALE


def _by_way_of(proxy: httpx.Proxy | None) -> dict[str, Any]:
    """The arguments by which aiohttp uses a proxy."""
    if proxy is None:
        return {}
    auth = aiohttp.BasicAuth(*proxy.auth) if proxy.auth else None
    return {"proxy": str(proxy.url), "proxy_auth": auth, "proxy_headers": proxy.headers}


def proxy_in_use(base_url: str) -> tuple[str, str]:
    """The variable that names the proxy on the way to an endpoint, and its address without credentials; empty for none.

    Raises:
        UsageError: the variable holds no address of a proxy.
    """
    proxy = _proxy(base_url)
    if proxy is None:
        return "", ""
    scheme = httpx.URL(base_url).scheme
    name = scheme if getproxies().get(scheme) else "all"
    return f"{name.upper()}_PROXY", str(proxy.url.copy_with(username=None, password=None, path="/")).rstrip("/")


def _proxy(base_url: str) -> httpx.Proxy | None:
    url, proxies = httpx.URL(base_url), getproxies()
    address = proxies.get(url.scheme) or proxies.get("all")
    if not address or proxy_bypass(url.host):
        return None
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
    except (ValueError, httpx.InvalidURL):
        proxy = None
    if (
        proxy is None
        or proxy.url.scheme not in {"http", "https"}
        or not proxy.url.host
        or (proxy.url.port or 0) > 65535
    ):
        name = f"{url.scheme.upper()}_PROXY"
        raise UsageError([Problem(name=name, value="", allowed="must be an http:// or https:// address.")])
    return proxy
