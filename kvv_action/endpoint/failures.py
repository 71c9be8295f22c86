"""Classifies broken connections and HTTP statuses as failures."""

import contextlib
import os
import re
import socket
import ssl
from urllib.parse import urljoin, urlsplit

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError

from kvv_action.endpoint.connection import TooMuchAround
from kvv_action.endpoint.decoding import decode
from kvv_action.endpoint.shapes import excerpt
from kvv_action.errors import EndpointError, Misdirected, Rejected, in_words
from kvv_action.schema import CHAT, FailureKind
from kvv_action.spoken import is_page, message_in, page_in_words

TRANSPORT_ERRORS = (httpx.HTTPError, aiohttp.ClientError, HttpProcessingError, OSError, EOFError)
SPENT = re.compile(
    r"insufficient[_ ](user[_ ])?(quota|balance|credits?)|exceeded[_ ](your[_ ])?current[_ ]quota|account is not active"
    r"|billing[_ ](hard[_ ]limit|not[_ ]active)|余额不足|欠费",
    re.IGNORECASE,
)
"""How a refusal says that no quota is left, which looks like a rate limit otherwise."""
_HEAD_SHOWN = 120
"""Characters of a head that cannot be read."""
NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
"""OpenSSL's reasons when the other side does not speak TLS at all."""
NO_SUCH_NAME = (socket.EAI_NONAME, socket.EAI_NODATA)
PROXY_GATEWAY = range(500, 600)
"""Statuses with which a proxy says that it cannot reach the endpoint."""


def transport_failure(error: Exception, *, proxy: str = "") -> EndpointError:
    """The failure for a broken connection; `proxy` is the variable that names the proxy on the way.

    httpx-aiohttp maps most errors of aiohttp to `httpx.ConnectTimeout`, so aiohttp's own error, its cause, decides.
    """
    cause = error.__cause__ or error
    text = " ".join(str(cause).split())
    match cause:
        case TooMuchAround():
            return EndpointError(FailureKind.TOO_LARGE, text)
        case aiohttp.ServerTimeoutError() | httpx.TimeoutException():
            return EndpointError(FailureKind.TIMEOUT_CONNECT, "the connection was not there in time")
        case aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError():
            return _connect_failure(cause, f" of {proxy}" if proxy else "")
        case HttpProcessingError() | aiohttp.ClientResponseError() if advice := _other_protocol(text):
            return Misdirected(FailureKind.BAD_RESPONSE, advice)
        case aiohttp.ClientResponseError() | HttpProcessingError():
            told = " ".join(cause.message.split())[:_HEAD_SHOWN]
            return EndpointError(FailureKind.BAD_RESPONSE, f"the answer is not HTTP: {told}")
        case aiohttp.InvalidURL():
            return EndpointError(FailureKind.BAD_RESPONSE, f"the answer is not HTTP: {text}")
        case aiohttp.ClientPayloadError():
            return EndpointError(FailureKind.DISCONNECTED, "the connection broke inside the answer")
        case aiohttp.ServerDisconnectedError() if not isinstance(cause.message, str):
            return EndpointError(FailureKind.DISCONNECTED, "the connection broke inside the head of the answer")
        case _:
            return EndpointError(FailureKind.DISCONNECTED, f"the connection broke: {text}")


def _connect_failure(error: aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError, named: str) -> EndpointError:
    """The failure where no connection was made; `named` says which variable names the proxy."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        if error.status not in PROXY_GATEWAY:
            return Misdirected(
                FailureKind.CONNECT, f"cannot connect: the proxy{named} refuses with HTTP {error.status}"
            )
        return EndpointError(FailureKind.CONNECT, f"cannot connect: the proxy{named} answers HTTP {error.status}")
    if advice := _misdirected(error, named):
        return Misdirected(FailureKind.CONNECT, f"cannot connect: {advice}")
    where = f"{error.host}:{error.port}"
    return EndpointError(FailureKind.CONNECT, f"cannot connect to {where}: {_reason(error.os_error)}")


def _misdirected(error: aiohttp.ClientConnectorError, named: str) -> str:
    """What the user must set differently before a connection can be made; empty when that is not known."""
    why = error.os_error
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate is not accepted ({_reason(why)}); {_about_certificate(why)}"
        case aiohttp.ClientProxyConnectionError():
            return f"the proxy{named} {error.host}:{error.port} cannot be reached ({_reason(why)})"
        case aiohttp.ClientConnectorDNSError() if why.errno in NO_SUCH_NAME:
            return f"there is no host named {error.host}" + (
                f", which is the host of the proxy{named}" if named else ""
            )
        case aiohttp.ClientConnectorSSLError() if isinstance(why, ssl.SSLError) and why.reason in NOT_TLS:
            return "the port does not speak TLS; begin base-url with http://"
        case aiohttp.ClientConnectorSSLError():
            return f"no TLS connection can be agreed on ({_reason(why)})"
    return ""


def _about_certificate(error: OSError) -> str:
    """What to do about a certificate that is not accepted."""
    match getattr(error, "verify_code", None):
        case 9 | 10:
            return "the server needs a valid one, or the clock of this machine is wrong"
        case 62 | 64:
            return "name the host that it is made for"
    return "if you trust its authority, set SSL_CERT_FILE to a file with the authority's certificate"


def _reason(error: OSError) -> str:
    """An operating system's error in its own words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message.rstrip(".")
    if isinstance(error, ssl.SSLError):
        return str(error.reason).lower().replace("_", " ")
    number = error.errno or 0
    return os.strerror(number) if number > 0 else in_words(error)


def _other_protocol(text: str) -> str:
    """What speaks at a port where no HTTP/1.1 answer came; empty when the answer began as one."""
    if "Expected HTTP/" not in text:
        return ""
    began = text.partition("b'")[2] or text.partition('b"')[2]
    if re.match(r"\\x1[56]\\x03", began):
        return "the port speaks TLS; begin base-url with https://"
    if re.match(r"\\x00\\x00(\\x..|.)\\x04\\x00\\x00\\x00\\x00\\x00", began):
        return "the port speaks HTTP/2 only, and kvv speaks HTTP/1.1; put a gateway in front that speaks both"
    return f"the port does not speak HTTP; its answer begins with {began.rstrip(chr(39) + ' ^')[:60]!r}"


def status_failure(status: int, body: bytes, *, url: str, location: str = "") -> EndpointError:
    """The failure for a status other than 2xx."""
    said = _said(body)
    message = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    match status:
        case _ if 300 <= status < 400:
            kind, message = FailureKind.REDIRECT, f"HTTP {status}: redirected to {_target(location, url)}"
        case 401 | 402 | 403:
            kind = FailureKind.AUTH
        case 429 if SPENT.search(f"{said}\n{excerpt(body)}"):  # waiting does not help
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


def _target(location: str, url: str) -> str:
    """Scheme and host, in their own spelling so that a key in them is known, and the advice.

    Paths and queries may hold tokens; only a path that is an API's for this request is shown, as the base URL.
    """
    try:
        parts = urlsplit(urljoin(url, location) if location else "")
    except ValueError:
        return "an unreadable address"
    host = parts.netloc.rpartition("@")[2]
    if not re.fullmatch(r"[\w.:\[\]-]{1,260}", host):
        return "an unreadable address"
    asked = next((path for path in (f"/{CHAT}", "/models") if url.endswith(path)), "")
    base = parts.path.rstrip("/").removesuffix(asked) if asked and parts.path.rstrip("/").endswith(asked) else None
    if base is None or not re.fullmatch(r"[\w./~-]{0,100}", base):
        return f"{parts.scheme}://{host}; set base-url to the final address, or to the API's if that is a login page"
    return f"{parts.scheme}://{host}; set base-url to {parts.scheme}://{host}{base}"


def _said(body: bytes) -> str:
    """The endpoint's message, or the title of a page; else the beginning of the body."""
    text = excerpt(body)
    if is_page(text):
        return page_in_words(text)
    with contextlib.suppress(ValueError):
        if said := message_in(decode(body).value):
            return said
    return " ".join(text.split())
