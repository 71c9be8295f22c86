"""Tells quickly whether the hub can be reached: its own library tries for 15 seconds before it gives up."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

DEADLINE = 3.0
"""Seconds for a connection to any address of a host; all are tried at once, for a firewall may swallow them."""
PAUSES = (0.5, 1.0)
"""Seconds before a further try after an unknown name or a refused connection: both can be temporary."""


@cache
def unreachable(url: str) -> str:
    """Why a server cannot be reached; empty where it can, or where a proxy stands between.

    Tested once in a process; otherwise each benchmark would wait again.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    if parts.scheme in getproxies() and not proxy_bypass(host):
        return ""
    reason, may_pass = _refused(host, port)
    for pause in PAUSES:
        if not may_pass:
            break
        time.sleep(pause)
        reason, may_pass = _refused(host, port)
    return reason


def _refused(host: str, port: int) -> tuple[str, bool]:
    """Why no address of a host accepts a connection (empty if one does), and whether another try may help."""
    try:
        _connect_any(host, port)
    except OSError as error:
        return f"{host} cannot be reached: {error.strerror or error}", not isinstance(error, TimeoutError)
    return "", False


def _connect_any(host: str, port: int) -> None:
    """Connect to whichever address answers first; raises the last failure where none does."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    pool = ThreadPoolExecutor(len(addresses))
    tries = [pool.submit(_connect, str(address[0]), port) for *_, address in addresses]
    pool.shutdown(wait=False)
    failures: list[OSError] = []
    for one in as_completed(tries):
        try:
            one.result()
        except OSError as error:
            failures.append(error)
        else:
            return
    raise failures[-1]


def _connect(address: str, port: int) -> None:
    socket.create_connection((address, port), timeout=DEADLINE).close()
