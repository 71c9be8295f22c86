"""Files that settings name: read from the machine, or from an address whose digest is known."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from kvv_action.dataset.named_file import read_named_file
from kvv_action.errors import KvvError

CONTENT = b"what a reference holds\n"
URL = "https://example.org/reference.jsonl"
NAME = f"{URL}@sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes, int], list[str]]:
    """An address without a network; returns what was asked for."""

    def serve(content: bytes = CONTENT, status: int = 200) -> list[str]:
        seen: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(str(request.url))
            return httpx.Response(status, content=content, request=request)

        monkeypatch.setattr(httpx, "stream", httpx.Client(transport=httpx.MockTransport(answer)).stream)
        return seen

    return serve


def read(name: str, cache: Path | None = None, largest: int = 1000) -> bytes:
    return read_named_file(name, what="a reference", largest=largest, cache=None if cache is None else str(cache))


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    """Unless it is too large, or is not there."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert read(str(path)) == CONTENT
    with pytest.raises(KvvError, match="is larger than 5 bytes; a reference is not"):
        read(str(path), largest=5)
    with pytest.raises(KvvError, match="nowhere: cannot be read: No such file"):
        read(str(tmp_path / "nowhere"))


def test_an_address_is_downloaded_once(served: Callable[..., list[str]], tmp_path: Path) -> None:
    """Then it comes from the cache, by its digest; without a cache it is downloaded each time."""
    seen = served()
    assert [read(NAME, tmp_path) for _ in range(2)] == [CONTENT] * 2
    assert seen == [URL]
    assert [read(NAME) for _ in range(2)] == [CONTENT] * 2
    assert len(seen) == 3


def test_a_damaged_copy_in_the_cache_is_replaced(served: Callable[..., list[str]], tmp_path: Path) -> None:
    """What was kept is compared with the digest again."""
    seen = served()
    read(NAME, tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"other")
    assert read(NAME, tmp_path) == CONTENT
    assert len(seen) == 2
    assert kept.read_bytes() == CONTENT


def test_other_content_is_refused(served: Callable[..., list[str]], tmp_path: Path) -> None:
    """And not kept."""
    served(b"other")
    with pytest.raises(KvvError, match="not the one that is named"):
        read(NAME, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (URL, "an address needs the digest of its file"),
        (f"{URL}@sha256:abc", "an address needs the digest of its file"),
        (NAME.replace("https", "http"), "use https"),
    ],
)
def test_an_address_that_proves_nothing_is_refused(name: str, told: str) -> None:
    """Before anything is asked for."""
    with pytest.raises(KvvError, match=told):
        read(name)


def test_a_failed_download_is_told(served: Callable[..., list[str]]) -> None:
    """With the address."""
    served(status=404)
    with pytest.raises(KvvError, match=r"https://example\.org/reference\.jsonl: cannot be downloaded"):
        read(NAME)
