"""From a row of the dataset to a sample: options, answer, pictures."""

import ast
import re
from collections.abc import Mapping
from string import ascii_uppercase

from kvv_action.benchmark import Row
from kvv_action.errors import DatasetError
from kvv_action.schema import Sample

PICTURES = tuple(f"image_{number}" for number in range(1, 8))
MOST_OPTIONS = 12
LONGEST = 100_000
"""Characters of a list of options; Python's literals nest, so a bound keeps the parser's memory small."""
MENTION = re.compile(r"<image (\d+)>")


def sample(row: Row, number: int, benchmark: str) -> Sample:
    """One record.

    Raises:
        DatasetError: options, answer or a picture are missing or malformed; names the record.
    """
    part = part_of(row)
    name = str(row.get("id") or f"{number:04}")
    where = f"{benchmark}: record {number} ({part}/{name[:80]})"
    options = options_of(row["options"], where)
    answer = str(row["answer"] or "").strip().upper()
    if len(answer) != 1 or answer not in ascii_uppercase:
        raise DatasetError(f"{where}: the answer {str(row['answer'])[:40]!r} is no option letter")
    question = "" if part == "vision" else str(row.get("question") or "")
    return Sample(
        id=f"{part}/{name}",
        input={
            "part": part,
            "question": question,
            "options": options,
            "pictures": _pictures(row, part, (question, *options), where),
        },
        target=answer,
        category=str(row.get("subject") or "").replace("_", " "),
        detail=str(row.get("detail") or ""),
        cluster=name,
    )


def part_of(row: Row) -> str:
    """Which part of MMMU Pro a row belongs to; a file without that column is told apart by its columns."""
    if row.get("part"):
        return str(row["part"])
    return "vision" if row.get("image") is not None and not row.get("question") else "standard10"


def options_of(value: object, where: str) -> tuple[str, ...]:
    """The options: a list, or a Python list written as text; one record nests a list in a list, which is one option.

    Raises:
        DatasetError: not a list of 1 to 12 options.
    """
    listed = value
    if isinstance(value, str):
        try:
            listed = ast.literal_eval(value) if len(value) <= LONGEST else None
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            listed = None
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_OPTIONS:
        raise DatasetError(f"{where}: options must be a list of 1 to {MOST_OPTIONS}, not {str(value)[:60]!r}")
    return tuple(map(str, listed))


def _pictures(row: Row, part: str, texts: tuple[str, ...], where: str) -> Mapping[int, bytes]:
    """The pictures by number, in order."""
    if part == "vision":
        found = {1: row["image"]} if row.get("image") is not None else {}
    else:
        found = {number: row[name] for number, name in enumerate(PICTURES, 1) if row.get(name) is not None}
    mentioned = {int(number) for text in texts for number in MENTION.findall(text)} if part != "vision" else set()
    missing = mentioned - set(found)
    if missing or not found:
        raise DatasetError(f"{where}: there is no picture {min(missing, default=1)}")
    return found
