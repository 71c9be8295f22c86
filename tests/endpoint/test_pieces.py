"""Texts that come in many pieces."""

import subprocess
import sys

import pytest

from kvv_action.endpoint.pieces import TextPieces


@pytest.mark.parametrize("sign", ["x", "é", "字", "😀", "\ud83d", "\ud83d\ude00"])
def test_a_text_is_what_came_wherever_it_is_cut(sign: str) -> None:
    """Also where it is decoded in steps that end within a character; halves of pairs stay halves."""
    pieces = TextPieces()
    for number in range(9):
        pieces.pieces += ["a" * number, sign * 50_000]
        if number % 2:
            pieces.fold()
    whole = "".join("a" * number + sign * 50_000 for number in range(9))
    assert pieces.characters == len(whole)
    assert pieces.text() == whole
    assert pieces.text() == whole  # it can be asked again
    assert pieces


def test_a_text_in_one_piece_is_not_copied() -> None:
    """A document's text is as long as the answer."""
    pieces, whole = TextPieces(), "字" * 1000
    assert not pieces
    pieces.pieces.append(whole)
    pieces.fold()
    assert pieces
    assert pieces.text() is whole
    assert pieces.held == sys.getsizeof(whole)


@pytest.mark.parametrize(("sign", "width"), [("x", 1), ("é", 1), ("字", 2), ("😀", 4)])
@pytest.mark.parametrize("size", [1, 2, 9, 5000])
def test_a_wide_character_makes_all_of_a_text_wide(sign: str, width: int, size: int) -> None:
    """So the whole takes as much for each character, however many of them are plain."""
    pieces = TextPieces()
    for piece in ("x" * 100_000, sign * size, "x" * 100_000):
        pieces.pieces.append(piece)
        pieces.fold()
    whole = sys.getsizeof(pieces.text())
    assert whole - 100 <= pieces.held <= whole * 1.2
    assert pieces.held >= width * 200_000


SIDE_BY_SIDE = """
import os, sys
from pathlib import Path
from kvv_action.endpoint.pieces import TextPieces

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

growing, whole = [TextPieces() for _ in range(64)], []
before = resident()
for turn in range(100):
    for text in growing:
        text.pieces.extend([f" tok{turn:05d}{number:03d}" for number in range(250)])
        text.fold()
while growing:
    whole.append(growing.pop().text())
print((resident() - before) / sum(map(len, whole)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_texts_that_grow_side_by_side_take_little_more_than_their_characters() -> None:
    """Once they are whole, what their pieces took is free again."""
    done = subprocess.run([sys.executable, "-c", SIDE_BY_SIDE], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.4
