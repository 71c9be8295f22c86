"""Reads the frames of a stream as they came; nothing is repaired."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kvv_action.anomalies import Anomaly
from kvv_action.endpoint.decoding import decode
from kvv_action.schema import Json

DONE = "[DONE]"
DATA = "data:"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameChoice:
    """One choice of a frame, as far as it is one."""

    value: Mapping[str, Json]

    @property
    def delta(self) -> Mapping[str, Json]:
        """What it brings; empty when there is none."""
        delta = self.value.get("delta")
        return delta if isinstance(delta, Mapping) else {}

    @property
    def calls(self) -> Sequence[Mapping[str, Json]]:
        """The pieces of tool calls that it brings."""
        calls = self.delta.get("tool_calls")
        return [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One chunk: its JSON, and the text that it came as."""

    value: Mapping[str, Json]
    text: str

    @property
    def choices(self) -> Sequence[FrameChoice]:
        """The choices in it."""
        choices = self.value.get("choices")
        listed = choices if isinstance(choices, list) else []
        return [FrameChoice(value=choice) for choice in listed if isinstance(choice, Mapping)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A whole stream.

    Attributes:
        text: everything that came.
        frames: the chunks, in order; what is no JSON object is left out.
        odd: lines that are neither empty, nor comments, nor `data:` with JSON, or follow such a line without an empty
            one between: they are one event with it.
        done: after how many frames `[DONE]` came, for each time that it came.
    """

    text: str
    frames: tuple[Frame, ...]
    odd: tuple[str, ...]
    done: tuple[int, ...]

    @property
    def streamed(self) -> bool:
        """Whether it is a stream of events at all."""
        return self.text.startswith(DATA) or any(f"{end}{DATA}" in self.text for end in "\r\n")

    def choices(self) -> Iterator[tuple[Frame, FrameChoice]]:
        """Every choice with its frame."""
        for frame in self.frames:
            for choice in frame.choices:
                yield frame, choice


def read(text: str) -> Stream:
    """Take a stream apart."""
    frames: list[Frame] = []
    odd: list[str] = []
    done: list[int] = []
    begun = False
    for line in _lines(text):
        begun, runs_on = bool(line) and (begun or line.startswith(DATA)), begun and line.startswith(DATA)
        if not line or line.startswith((":", "event:", "id:", "retry:")):
            continue
        data = line.removeprefix(DATA).removeprefix(" ")  # the space is optional in events from a server
        if data.strip() == DONE:
            done.append(len(frames))
            odd += [line] if runs_on else []
            continue
        value = _object(data)
        if value is None or runs_on or not line.startswith(DATA):
            odd.append(line)
        if value is not None:
            frames.append(Frame(value=value, text=data))
    return Stream(text=text, frames=tuple(frames), odd=tuple(odd), done=tuple(done))


def _lines(text: str) -> Iterator[str]:
    """The lines, one by one: all at once would keep every thread waiting."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end].removesuffix("\r")
        start = end + 1
    yield text[start:]


def _object(data: str) -> Mapping[str, Json] | None:
    """The object in a line; a lone surrogate in it is kept, which strict JSON refuses."""
    if not data.lstrip().startswith("{"):
        return None
    try:
        value, anomaly = decode(data.encode())
    except ValueError:
        return None
    return value if anomaly in (None, Anomaly.LONE_SURROGATE) and isinstance(value, dict) else None
