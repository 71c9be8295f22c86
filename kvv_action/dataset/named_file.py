"""Reads a file that a setting names: a local one, or one at an address, which must come with its digest."""

import contextlib
import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

from kvv_action.dataset.archive import cache_folder
from kvv_action.errors import KvvError, in_words, refusal
from kvv_action.options import ADDRESSES

_PINNED = re.compile(r"(?P<url>https?://\S+)@(?:sha256:)?(?P<digest>[0-9a-fA-F]{64})")
SECONDS = 30.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def read_named_file(name: str, *, what: str, largest: int, cache: str | None = None) -> bytes:
    """The bytes of `FILE` or of `URL@sha256:DIGEST`.

    Args:
        name: as the user gives it.
        what: what the file should be, for messages (`a reference pack`).
        largest: bytes that it may have.
        cache: folder for downloads, empty for the user's; None downloads each time.

    Raises:
        KvvError: it cannot be read or downloaded, is too large, or has another digest.
    """
    if not name.startswith(ADDRESSES):
        return _local(Path(name), what, largest)
    pinned = _PINNED.fullmatch(name)
    if pinned is None:
        raise KvvError(f"{name}: an address needs the digest of its file: URL@sha256:DIGEST (sha256sum prints it)")
    url, digest = pinned["url"], pinned["digest"].lower()
    if urlsplit(url).scheme != "https" and urlsplit(url).hostname not in LOOPBACK:
        raise KvvError(f"{name}: use https")
    kept = None if cache is None else cache_folder(cache) / f"sha256-{digest}"
    if kept is not None and (data := _kept(kept, digest)) is not None:
        return data
    data = _downloaded(url, what, largest)
    if _digest(data) != digest:
        raise KvvError(f"{url}: its SHA-256 is {_digest(data)}, not the one that is named")
    if kept is not None:
        _keep(kept, data)
    return data


def _local(path: Path, what: str, largest: int) -> bytes:
    try:
        if path.stat().st_size > largest:
            raise KvvError(f"{path}: is larger than {largest} bytes; {what} is not")
        return path.read_bytes()
    except OSError as error:
        raise KvvError(f"{path}: cannot be read: {refusal(error)}") from error


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _kept(path: Path, digest: str) -> bytes | None:
    """An earlier download; None if there is none, or if it cannot be read or is damaged."""
    with contextlib.suppress(OSError):
        if _digest(data := path.read_bytes()) == digest:
            return data
    return None


def _keep(path: Path, data: bytes) -> None:
    """Keep a download; without space or permission it is downloaded again next time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _downloaded(url: str, what: str, largest: int) -> bytes:
    import httpx  # a run without an address does without

    data = bytearray()
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=SECONDS) as response:
            response.raise_for_status()
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > largest:
                    raise KvvError(f"{url}: is larger than {largest} bytes; {what} is not")
    except httpx.HTTPError as error:
        raise KvvError(f"{url}: cannot be downloaded: {in_words(error)}") from error
    return bytes(data)
