"""Opens the transport: httpx over aiohttp's connection pool, which handles 500 streams cheaply."""

import os
import ssl
from functools import cache
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from kvv_action.endpoint.options import ClientOptions
from kvv_action.errors import Problem, UsageError

KEEPALIVE = 4.0
"""Seconds that an idle connection stays open: less than the 5 s of uvicorn (vLLM, SGLang)."""

READ_BUFFER = 256 * 1024


def open_transport(options: ClientOptions) -> AiohttpTransport:
    """A transport for one endpoint, with the same proxy settings as httpx.

    It drops cookies: a load balancer's cookie would send the whole run to one server.
    """
    proxy = _proxy(options.base_url)
    ssl_context = _context(options.base_url, proxy)

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=options.max_connections, keepalive_timeout=KEEPALIVE, ssl=ssl_context)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=READ_BUFFER)

    return AiohttpTransport(verify=ssl_context, proxy=proxy, client=session)


def _context(base_url: str, proxy: httpx.Proxy | None) -> ssl.SSLContext:
    """Trusts the usual authorities; without encryption it trusts nobody, because reading them delays the start."""
    if "https" in (httpx.URL(base_url).scheme, proxy.url.scheme if proxy else ""):
        return _trusting(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _trusting(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """A context for the variables of the environment that name authorities."""
    return httpx.create_ssl_context()


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
    if proxy is None or proxy.url.scheme not in {"http", "https"}:
        name = f"{url.scheme.upper()}_PROXY"
        raise UsageError([Problem(name=name, value="", allowed="must be an http:// or https:// address.")])
    return proxy
