"""Arguments of tool calls that no other suite asks for: in the other mode of thinking, 20 kB long, and cut by a limit.

Every kind of short argument is asked for by `tools.arguments`, in the model's default mode of thinking. The long
arguments also show the pace of a stream: the check `calls-held-back` looks at it, as in every other answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count

import orjson

from benchmarks.precheck.again import ProbeFinding, asked_by_look, quoted, slip
from benchmarks.precheck.ask import MODES, ask, cap
from benchmarks.precheck.calls import (
    ARGUMENTS_MALFORMED,
    NEVER_CALLED,
    arguments_of,
    leaked,
    tool,
    unreadable_calls,
)
from benchmarks.precheck.causes import ProbeCause, of_check
from benchmarks.precheck.comparison import (
    EDGES_LOST,
    EMPTY_LOST,
    ESCAPED_AGAIN,
    NESTED_CHANGED,
    OPTIONAL_LOST,
    PIECES_DOUBLED,
    PIECES_LOST,
    WHITE_SPACE_LOST,
    damage,
    different,
)
from benchmarks.precheck.probe import Probe, broken, holds, informs, refused, weighed_for
from benchmarks.precheck.suites.tools import asked_arguments
from benchmarks.precheck.usage import answer_of
from kvv_action.benchmark import Options
from kvv_action.digits import noun
from kvv_action.profiles.model import Profile
from kvv_action.schema import Completion, Exchange, Json, Request, Score, Severity, Thinking
from kvv_action.verdict.checks.filing import CUT_CALL

NAMED = (
    OPTIONAL_LOST, EMPTY_LOST, NESTED_CHANGED, ESCAPED_AGAIN, WHITE_SPACE_LOST, EDGES_LOST, PIECES_LOST, PIECES_DOUBLED,
)  # fmt: skip
"""What a comparison of arguments can find."""
# fmt: off
NOT_WRITTEN = ProbeCause("a long file is not written as it was asked",
    "look at the answer: the model may have shortened or changed the text, which says nothing about the server")
# fmt: on
CUT_UNTOLD = of_check(CUT_CALL)
"""The cause of the check over every answer, which sees `max_tokens` only where it stands early in a short request."""

WRITE = tool(
    "write_file",
    "Write a text file.",
    {"path": {"type": "string"}, "content": {"type": "string"}, "executable": {"type": "boolean"}},
)
SIZE = 20_000
"""Characters of the file: above the 8192 and 16384 at which servers are known to cut arguments."""
_FIRST = ("documentation", "configuration", "infrastructure", "communication", "administration", "implementation",
          "representation")  # fmt: skip
_SECOND = ("department", "laboratory", "university", "government", "foundation", "association", "corporation",
           "observatory", "agriculture", "engineering", "electricity")  # fmt: skip
_THIRD = ("continuously", "immediately", "occasionally", "successfully", "consequently")
_EXTRA = {3: 'and says "yes"', 6: "in München and 東京", 9: "for 12.50 € 😀"}
"""Endings of some lines, by the last digit of their number."""
TRIES = 2
"""A file of this length is asked for once more at most."""
ROOM = 6
"""`max_tokens` for the long file, in multiples of the usual one: 5,000 tokens for the file, the rest for thinking."""
CUT_PLAIN, CUT_THINKING = 256, 1536
"""`max_tokens` that end a call in its arguments, without thinking and after it."""
SLACK = 8
"""Tokens by which a count may lie below a limit that ended the answer."""
_CONTENT = re.compile(r'"content"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)', re.DOTALL)
_HALF_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}$")


def _lines() -> Iterator[str]:
    """Lines that all differ, of long words, which take few tokens."""
    for number in count(1):
        words = (_FIRST[number % len(_FIRST)], _SECOND[number % len(_SECOND)], _THIRD[number % len(_THIRD)])
        line = f"{number:03d} The {words[0]} of the {words[1]} changes {words[2]}"
        yield f"{line} {_EXTRA[number % 10]}." if number % 10 in _EXTRA else f"{line}."


def _file() -> str:
    """At least `SIZE` characters in whole lines; no white space at its ends."""
    lines, size = list[str](), 0
    for line in _lines():
        lines.append(line)
        size += len(line) + 1
        if size > SIZE:
            return "\n".join(lines)
    raise AssertionError


FILE = _file()
FILE_ARGUMENTS: Mapping[str, Json] = {"path": "notes/report.txt", "content": FILE, "executable": False}
DICTATED = f"Call the tool write_file with exactly these arguments: {orjson.dumps(FILE_ARGUMENTS).decode()}"


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    for name, stream in MODES:
        later = "standard" if stream else "full"
        yield from _other_mode(profile, options, name, stream=stream, tier=later)
        request = ask(profile, DICTATED, stream=stream, tools=[WRITE], max_tokens=cap(profile, ROOM))
        asked = asked_by_look(f"arguments.long.{name}", request, _written, tier=later, tries=TRIES)
        yield weighed_for(asked, Severity.INFORMATION, NOT_WRITTEN)
        yield _cut(profile, options, name, stream=stream)


def _other_mode(profile: Profile, options: Options, name: str, *, stream: bool, tier: str) -> Iterator[Probe]:
    """Every kind of argument with thinking turned off, or on where the model does not think by default."""
    rules = profile.thinking
    if not rules.supported or options.think_mode == "none":
        return
    if rules.default and not (rules.switchable or rules.switch_open):
        return
    thinking = Thinking.OFF if rules.default else Thinking.ON
    probe = f"arguments.thinking-{thinking}.{name}"
    yield asked_arguments(profile, probe, stream=stream, tier=tier, thinking=thinking, refusal=None)


def _written(exchange: Exchange) -> ProbeFinding | str:
    """Whether the file arrived whole.

    Only damage in the form that servers give it counts. A refusal is not judged here: the suite `limits` measures the
    lengths of prompts.

    Raises:
        Undecided: there is no answer.
    """
    if exchange.rejection is not None:
        return _unwritten(f"refused: {refused(exchange)}")
    answer = answer_of(exchange)
    if answer.finish_reason == "length":
        return _unwritten("max_tokens ended the answer")
    found = unreadable_calls(answer, [WRITE])
    if found and found.cause is NEVER_CALLED:
        return _unwritten(found.explanation)
    if found and found.cause is ARGUMENTS_MALFORMED:
        return _cut_off(answer) or replace(found, slip=True)
    return found or _compared(answer)


def _unwritten(explanation: str) -> ProbeFinding:
    return slip(explanation, NOT_WRITTEN)


def _compared(answer: Completion) -> ProbeFinding | str:
    got, schema = arguments_of(answer.tool_calls[0]), WRITE["function"]["parameters"]
    if found := damage(FILE_ARGUMENTS, got, schema):
        return found
    if other := different(FILE_ARGUMENTS, got, schema):
        return _unwritten(other.explanation)
    return f"{len(FILE)} characters arrived whole, in {answer.chunks} chunks"


def _cut_off(answer: Completion) -> ProbeFinding | None:
    """Arguments that are the beginning of what was asked, and end before the file does."""
    for call in answer.tool_calls:
        beginning = beginning_of_content(call.arguments)
        if beginning and beginning != FILE and FILE.startswith(beginning):
            explanation = f"the arguments end after {len(call.arguments)} characters: {quoted(call.arguments[-60:])}"
            return slip(explanation, PIECES_LOST)
    return None


def beginning_of_content(arguments: str) -> str:
    """The text of the argument `content` as far as it came; empty where it did not begin."""
    found = _CONTENT.search(arguments)
    try:
        return str(orjson.loads(f'"{_HALF_ESCAPE.sub("", found[1])}"')) if found else ""
    except orjson.JSONDecodeError:
        return ""


def _cut(profile: Profile, options: Options, name: str, *, stream: bool) -> Probe:
    """A call that `max_tokens` ends in the middle of its arguments."""
    plain = not profile.thinking.supported or (profile.thinking.switchable and options.think_mode != "none")
    thinking = Thinking.OFF if plain and profile.thinking.supported else Thinking.UNSET
    limit = CUT_PLAIN if plain else CUT_THINKING
    request: Request = ask(profile, DICTATED, stream=stream, thinking=thinking, tools=[WRITE], max_tokens=limit)
    return Probe(id=f"arguments.cut.{name}", requests=(request,), judge=partial(_told, limit), tier="standard")


def _told(limit: int, exchanges: Sequence[Exchange]) -> Score:
    """Whether an answer that the limit cut says `length`; half a call is fine, and so is none."""
    if exchanges and exchanges[0].rejection is not None:
        return informs(f"refused: {refused(exchanges[0])}")
    answer = answer_of(exchanges[0]) if exchanges else answer_of(Exchange(call=0))
    if found := leaked(answer):
        return broken(found.explanation, found.cause)
    if answer.finish_reason == "length":
        return holds("finish_reason is length" if answer.tool_calls else "finish_reason is length, and no call came")
    counted = answer.tokens[1] if answer.tokens else None
    told = "an unknown number of tokens" if counted is None else f"{counted} {noun(counted, 'token')}"
    if counted is None or counted < limit - SLACK:
        return informs(f"max_tokens {limit} did not end the answer ({told})")
    return broken(f"finish_reason is {quoted(str(answer.finish_reason))} after {told}", CUT_UNTOLD)
