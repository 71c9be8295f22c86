"""A text that comes in many pieces, held as one run of bytes: each piece alone takes 50 bytes more than its characters.

Many texts that grow side by side leave gaps where their pieces were, in which no whole text has room. A run of bytes
grows where it stands, and what it took is free again when its text is whole.
"""

import sys
from codecs import iterdecode

from kvv_action.endpoint.memory import roomy

_UTF_8 = "utf-8", "surrogatepass"
_OBJECT = sys.getsizeof("字") - 2
"""Bytes of a text without its characters."""
_STEP = 2**18
"""Characters or bytes that are looked at in one go, so that a thread which does it lets others run in between."""


class TextPieces:
    """Collects a text.

    Attributes:
        pieces: those that are not joined yet; the hot loop of a stream appends to them itself.
        held: bytes of memory of what is joined, or will be once it is whole: one wide character makes all others wide.
    """

    __slots__ = ("_characters", "_first", "_joined", "_width", "held", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._first = ""  # what was joined first, which is the whole where no stream brought it
        self._joined = bytearray()
        self._characters = self._width = self.held = 0

    def __bool__(self) -> bool:
        return bool(self.pieces or self.held)

    @property
    def characters(self) -> int:
        """How many have come."""
        return self._characters + sum(map(len, self.pieces))

    def fold(self) -> None:
        """Join the pieces."""
        if not self.pieces:
            return
        joined = "".join(self.pieces)
        self.pieces.clear()
        self._characters += len(joined)
        self._width = max(self._width, _width(joined))
        if not self.held:
            self._first, self.held = joined, sys.getsizeof(joined)
            return
        for part in (self._first, joined):
            for start in range(0, len(part), _STEP):
                self._joined += part[start : start + _STEP].encode(*_UTF_8)
        self._first, self.held = "", max(roomy(len(self._joined)), self._width * self._characters)

    def text(self) -> str:
        """The whole."""
        if not self._joined:
            return "".join([self._first, *self.pieces])
        self.fold()
        if self._joined.isascii():
            return self._joined.decode()
        steps = (bytes(self._joined[start : start + _STEP]) for start in range(0, len(self._joined), _STEP))
        return "".join(iterdecode(steps, *_UTF_8))


def _width(text: str) -> int:
    """Bytes that each character of a text takes: 1, 2 or 4, beside those of the object."""
    return min(4, max(1, round((sys.getsizeof(text) - _OBJECT) / max(1, len(text)))))
