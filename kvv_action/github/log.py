"""A stream for untrusted text: removes secrets and workflow commands."""

import io
from collections.abc import Callable
from typing import TextIO, cast

from kvv_action.github.commands import inert


class HarmlessStream(io.TextIOBase):
    """Writes harmless text to another stream.

    Args:
        stream: the other stream.
        redact: removes secrets.
    """

    def __init__(self, stream: TextIO, redact: Callable[[str], str]) -> None:
        self._stream = stream
        self._redact = redact

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream below."""
        return self._stream.encoding

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Write whole lines or parts of one."""
        self._stream.write(inert(self._redact(text)))
        return len(text)

    def flush(self) -> None:
        """Flush the stream below."""
        self._stream.flush()


def harmless(stream: TextIO, redact: Callable[[str], str]) -> TextIO:
    """`stream` behind a `HarmlessStream`."""
    return cast("TextIO", HarmlessStream(stream, redact))
