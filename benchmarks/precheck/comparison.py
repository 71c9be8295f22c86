"""Compares the arguments of a call with those that were asked for, and says what the server changed."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from benchmarks.precheck.again import SHOWN, ProbeFinding, quoted, slip
from benchmarks.precheck.calls import ARGUMENTS_WRONG, is_deep
from benchmarks.precheck.causes import ProbeCause
from kvv_action.schema import Json

# fmt: off
OPTIONAL_LOST = ProbeCause("optional arguments of tools are lost",
    "hand over every argument that the model writes, not only those in `required`; look at guided decoding and at "
    "the parser's path while the model thinks")
EMPTY_LOST = ProbeCause("tool arguments that are null, false, zero or empty are left out",
    "hand over arguments as they are written: drop none because its value is null or empty (exclude_none, omitempty)")
NESTED_CHANGED = ProbeCause("nested tool arguments come flattened or as text",
    "keep objects and arrays inside arguments as JSON: the parser must neither join their names nor encode them")
ESCAPED_AGAIN = ProbeCause("texts in tool arguments are escaped once too often",
    "escape texts once, when the arguments become JSON: the parser must not escape what it cuts out (quotes, line "
    "breaks, Unicode, HTML)")
ESCAPES_RESOLVED = ProbeCause("escapes in texts of tool arguments are resolved",
    "decode arguments once: what looks like an escape in a text (C:\\new, \\u00e9) belongs to it")
NULLS_ADDED = ProbeCause("optional tool arguments that the model left out come as null",
    "hand over only the arguments that the model writes: fill no others in from the schema (exclude_unset)")
INTEGERS_CHANGED = ProbeCause("integers in tool arguments come as floating-point numbers",
    "keep numbers as the model writes them: typed clients refuse 3.0 where the schema says integer")
WHITE_SPACE_LOST = ProbeCause("line breaks or spaces in tool arguments are lost",
    "keep white space in arguments: code and edits of files depend on it; look for a parser that joins lines")
EDGES_LOST = ProbeCause("white space at the ends of tool arguments is lost",
    "do not strip arguments: edits of files depend on indentation and on the last line break")
PIECES_LOST = ProbeCause("long tool arguments are cut",
    "find the limit or the buffer that cuts them: of the tool parser, of the engine's stream, or of a gateway")
PIECES_DOUBLED = ProbeCause("pieces of tool arguments come twice",
    "send each piece of the arguments once; look at the tool parser's streaming path and at a gateway's retries")
# fmt: on

LONG = 1000
"""A shorter text is never said to have lost or doubled a piece, because there any change looks like that."""
LEAST_DOUBLED = 4
"""If a piece of so many characters comes twice, it is not taken for a slip of the model."""
BEFORE = 20
"""Characters that an explanation shows of a long text before the place where it begins to differ."""
_ESCAPES = re.compile(r'(?:\\u[0-9a-fA-F]{4})+|\\["\\/bfnrt]')
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedArgument:
    """One value that is not what was asked for.

    Attributes:
        path: where it stands, with dots.
        asked: what it should be; None for an argument that nobody asked for.
        cause: the defect that it looks like; None if it looks like no known defect of a server.
        missing: it did not come at all.
        explanation: the same for people.
    """

    path: str
    asked: Json
    cause: ProbeCause | None
    explanation: str
    missing: bool = False


def damage(asked: Json, got: Json, schema: Json) -> ProbeFinding | None:
    """The known defect that changed the arguments; None if they look like no defect or are equal.

    Args:
        asked: the arguments that were asked for.
        got: those that came.
        schema: the parameters of the tool.
    """
    changes = [] if is_deep(got) else list(changed(asked, got, schema))
    lost = [change for change in changes if change.missing]
    if lost and not any(change.asked for change in lost):
        named = ", ".join(f"{change.path} ({orjson.dumps(change.asked).decode()})" for change in lost)
        return slip(f"left out: {named}", EMPTY_LOST)
    return next(_known(changes), None)


def different(asked: Json, got: Json, schema: Json) -> ProbeFinding | None:
    """Any difference from the arguments that were asked for."""
    first = next(changed(asked, got, schema), None)
    return ProbeFinding(explanation=first.explanation, cause=ARGUMENTS_WRONG, slip=True) if first else None


def _known(changes: list[ChangedArgument]) -> Iterator[ProbeFinding]:
    for change in changes:
        if change.cause is not None:
            yield ProbeFinding(explanation=change.explanation, cause=change.cause, slip=True)


def changed(asked: Json, got: Json, schema: Json, path: str = "") -> Iterator[ChangedArgument]:
    """Every value that is not what was asked for, from the outside in."""
    if isinstance(asked, Mapping) and isinstance(got, Mapping):
        yield from _in_object(asked, got, schema, path)
    elif isinstance(asked, list) and isinstance(got, list) and len(asked) == len(got):
        items = schema.get("items", {}) if isinstance(schema, Mapping) else {}
        for number, (one, other) in enumerate(zip(asked, got, strict=True)):
            yield from changed(one, other, items, f"{path}[{number}]")
    elif not _same(asked, got):
        explanation = f"{path} is {_shown(got, asked)}, asked was {_shown(asked, got)}"
        yield ChangedArgument(path=path, asked=asked, cause=_cause(asked, got), explanation=explanation)
    elif isinstance(asked, int) and isinstance(got, float) and _is_integer(schema):
        explanation = f"{path} is {got!r}, asked was {asked}"
        yield ChangedArgument(path=path, asked=asked, cause=INTEGERS_CHANGED, explanation=explanation)


def _is_integer(schema: Json) -> bool:
    kinds = schema.get("type") if isinstance(schema, Mapping) else None
    return "integer" in (kinds if isinstance(kinds, list) else [kinds])


def _in_object(
    asked: Mapping[str, Json], got: Mapping[str, Json], schema: Json, path: str
) -> Iterator[ChangedArgument]:
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    required = schema.get("required", []) if isinstance(schema, Mapping) else []
    extra = [name for name in got if name not in asked]
    for name, value in asked.items():
        place = f"{path}.{name}" if path else name
        if name in got:
            yield from changed(value, got[name], properties.get(name, {}), place)
            continue
        flattened = isinstance(value, Mapping | list) and _joined(name, value, extra)
        cause = NESTED_CHANGED if flattened else None if name in required else OPTIONAL_LOST
        shown = f"{place} came as {', '.join(flattened)}" if flattened else f"{place} is missing"
        explanation = f"{shown}, asked was {_shown(value)}"
        yield ChangedArgument(path=place, asked=value, cause=cause, explanation=explanation, missing=not flattened)
    for name in extra:
        explanation = f"{name} came, which was not asked for"
        filled_in = NULLS_ADDED if got[name] is None and name in properties and name not in required else None
        yield ChangedArgument(path=name, asked=None, cause=filled_in, explanation=explanation)


def _joined(name: str, value: Json, extra: list[str]) -> list[str]:
    """Names that a flattened object or array leaves behind, such as `customer.name` or `customer[name]`."""
    inner = set(value) if isinstance(value, Mapping) else set()
    return [one for one in extra if one in inner or (one.startswith(name) and one[len(name)] in "._-/[")]


def _same(asked: Json, got: Json) -> bool:
    """Equality of JSON values; Python takes True for 1."""
    return isinstance(asked, bool) == isinstance(got, bool) and bool(asked == got)


def _cause(asked: Json, got: Json) -> ProbeCause | None:
    """What happened to one value; None where it may be the model's own choice."""
    if isinstance(asked, Mapping | list) and isinstance(got, str):
        return NESTED_CHANGED
    return text_cause(asked, got) if isinstance(asked, str) and isinstance(got, str) else None


def text_cause(asked: str, got: str) -> ProbeCause | None:
    """What happened to a text; None where it may be the model's own choice, such as whole lines that are left out."""
    if _unescaped(asked) == _unescaped(got) or html.unescape(asked) == html.unescape(got):
        return ESCAPED_AGAIN if len(got) >= len(asked) else ESCAPES_RESOLVED
    if _SPACE.sub("", asked) == _SPACE.sub("", got):
        return EDGES_LOST if asked.strip() == got.strip() else WHITE_SPACE_LOST
    return _piece_cause(asked, got) if len(asked) >= LONG and got else None


def _piece_cause(asked: str, got: str) -> ProbeCause | None:
    """Whether one piece of a long text is lost or comes twice; a model leaves out or repeats whole lines by itself."""
    before, size = _common(asked, got), abs(len(asked) - len(got))
    after = _common(asked[::-1], got[::-1])
    one_piece = size and before + after >= min(len(asked), len(got))
    if not one_piece or set(got.split("\n")) <= set(asked.split("\n")):
        return None
    if len(got) < len(asked):
        return PIECES_LOST
    return PIECES_DOUBLED if size >= LEAST_DOUBLED and got[before : before + size] in asked else None


def _unescaped(text: str) -> str:
    """The text with JSON's escapes resolved."""
    return _ESCAPES.sub(lambda escape: str(orjson.loads(f'"{escape[0]}"')) if _is_text(escape[0]) else escape[0], text)


def _is_text(escape: str) -> bool:
    """Whether the escapes are a valid text: half a surrogate pair is not."""
    try:
        orjson.loads(f'"{escape}"')
    except orjson.JSONDecodeError:
        return False
    return True


def _common(one: str, other: str) -> int:
    """Length of the common beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _shown(value: Json, other: Json = None) -> str:
    """A value as explanations quote it; of a long text, where it begins to differ from the other."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if not isinstance(other, str) or len(text) <= SHOWN:
        return quoted(text)
    start = max(0, _common(text, other) - BEFORE)
    return f"{quoted(text[start:])} from character {start} on"
