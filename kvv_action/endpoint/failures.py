"""Classifies broken connections and HTTP statuses as failures."""

import re
from urllib.parse import urljoin, urlsplit

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError

from kvv_action.endpoint.decoding import decode
from kvv_action.endpoint.shapes import excerpt
from kvv_action.errors import EndpointError, Rejected
from kvv_action.schema import FailureKind

TRANSPORT_ERRORS = (httpx.HTTPError, aiohttp.ClientError, HttpProcessingError, OSError, EOFError)


def transport_failure(error: Exception) -> EndpointError:
    """The failure for a broken connection.

    httpx-aiohttp maps most errors of aiohttp to `httpx.ConnectTimeout`, so aiohttp's own error, its cause, decides.
    """
    cause = error.__cause__ or error
    text = " ".join(str(cause).split())
    match cause:
        case aiohttp.ServerTimeoutError() | httpx.TimeoutException():
            return EndpointError(FailureKind.TIMEOUT_CONNECT, "the connection was not there in time")
        case aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError():
            return EndpointError(FailureKind.CONNECT, f"cannot connect: {text}")
        case aiohttp.ClientResponseError() | HttpProcessingError() | aiohttp.InvalidURL():
            return EndpointError(FailureKind.BAD_RESPONSE, f"the answer is not HTTP: {text}")
        case _:
            return EndpointError(FailureKind.DISCONNECTED, f"the connection broke: {text}")


def status_failure(status: int, body: bytes, *, url: str, location: str = "") -> EndpointError:
    """The failure for a status other than 2xx."""
    said = _said(body)
    message = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    match status:
        case _ if 300 <= status < 400:
            kind, message = FailureKind.REDIRECT, f"HTTP {status}: redirected to {_host(location, url)}"
        case 401 | 403:
            kind = FailureKind.AUTH
        case 429:
            kind = FailureKind.RATE_LIMITED
        case 408:
            kind = FailureKind.SERVER_ERROR
        case _ if 400 <= status < 500:
            return Rejected(FailureKind.REJECTED, message, status=status, body=excerpt(body))
        case _:
            kind = FailureKind.SERVER_ERROR
    return EndpointError(kind, message, status=status, body=excerpt(body))


def _host(location: str, url: str) -> str:
    """The host of a redirect, spelled as sent so that a key in it is found; paths and queries may contain tokens."""
    try:
        host = urlsplit(urljoin(url, location)).netloc.rpartition("@")[2] if location else ""
    except ValueError:
        host = ""
    if re.fullmatch(r"[\w.:\[\]-]{1,260}", host):
        return f"{host}; set base-url to the final address"
    return "an unreadable address"


def _said(body: bytes) -> str:
    """The endpoint's message: one of the usual fields, else the beginning of the body."""
    try:
        answer = decode(body).value
    except ValueError:
        answer = None
    for part in (answer.get("error"), answer) if isinstance(answer, dict) else ():
        if isinstance(part, str):
            return part
        if isinstance(part, dict) and isinstance(part.get("message"), str):
            return str(part["message"])
    return " ".join(excerpt(body).split())
