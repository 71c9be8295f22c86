"""A plain client of the embedded vendor, and fakes of what the vendor is given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
import orjson

from kvv_action.benchmark import BenchmarkBase, DatasetPin, Generate, Rows, Sandbox
from kvv_action.profiles.model import ImmutableParameter, Profile, ThinkingRules
from kvv_action.schema import Answer, BenchmarkKind, Exchange, Json, Message, Sample, Score, ToolCall
from kvv_action.simulator.server import EmbeddedVendor

MODEL = "fake-model"
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
            "required": ["city", "days"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}


def fake_profile(
    *,
    parameters: tuple[ImmutableParameter, ...] = (
        ImmutableParameter(name="temperature", value=0.6, thinking_value=1.0, rejected=(0.5,)),
        ImmutableParameter(name="n", value=1, thinking_value=1, rejected=(2,)),
    ),
    supported: bool = True,
    switchable: bool = True,
    default: bool = True,
    efforts: tuple[str, ...] = ("low", "high", "max"),
) -> Profile:
    """A model that thinks at three levels of effort and locks temperature and n."""
    return Profile(
        name="fake",
        title="Fake",
        model=MODEL,
        sources=(),
        thinking=ThinkingRules(
            supported=supported,
            switchable=switchable,
            default=default,
            efforts=efforts,
            default_effort=efforts[-1] if efforts else "",
        ),
        parameters=parameters,
        benchmarks={},
        digest="",
    )


@dataclass
class FakeBenchmark(BenchmarkBase):
    """Knows the answer to each sample's question."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    id: str = "fake"
    title: str = "Fake"
    version: str = "1"
    metric: str = "accuracy"
    kind: BenchmarkKind = BenchmarkKind.SCORED
    gates: bool = False
    pin: DatasetPin | None = None

    def opening(self, sample: Sample) -> Sequence[Message] | None:
        messages: Sequence[Message] = sample.input
        return messages

    def exemplar(self, sample: Sample, messages: Sequence[Message]) -> Answer | None:
        return self.answers.get(sample.id)

    def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
        return iter((SUM, CALLS, UNKNOWN))

    async def solve(self, sample: Sample, generate: Generate, sandbox: Sandbox | None) -> None:
        raise NotImplementedError

    async def score(self, sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        raise NotImplementedError

    async def aclose(self) -> None:
        raise NotImplementedError


def user(text: str) -> Message:
    return {"role": "user", "content": text}


SUM = Sample(id="sum", input=[user("What is 69 + 1?")])
CALLS = Sample(id="calls", input=[user("How is the weather in Riga?")])
UNKNOWN = Sample(id="unknown", input=[user("Nobody knows this.")])
EXEMPLARS = {
    "sum": Answer(content="Adding one to 69 gives \\boxed{70}.", reasoning="69 and 1 make 70."),
    "calls": Answer(
        tool_calls=(ToolCall(id="functions.weather:0", name="weather", arguments='{"city":"Riga","days":3}'),),
        finish_reason="tool_calls",
    ),
}


class Visitor:
    """Sends requests to one vendor and hands the raw responses back."""

    def __init__(self, vendor: EmbeddedVendor, client: httpx.AsyncClient) -> None:
        self.vendor = vendor
        self.client = client

    async def post(self, text: str = "Hello", **body: Json) -> httpx.Response:
        """Post a chat completion about `text`, or about `messages` when they are given."""
        content = {"model": MODEL, "messages": [user(text)], **body}
        return await self.client.post("/chat/completions", content=orjson.dumps(content))

    async def message(self, text: str = "Hello", **body: Json) -> Json:
        """The first choice's message of a request that must be served."""
        return (await self.choice(text, **body))["message"]

    async def choice(self, text: str = "Hello", **body: Json) -> Json:
        """The first choice of a request that must be served."""
        response = await self.post(text, **body)
        assert response.status_code == 200, response.text
        return response.json()["choices"][0]

    async def refusal(self, **body: Json) -> str:
        """The message of a request that must be refused as invalid."""
        response = await self.post(**body)
        assert response.status_code == 400, response.text
        assert response.json()["error"]["type"] == "invalid_request_error"
        return str(response.json()["error"]["message"])

    async def events(self, text: str = "Hello", **body: Json) -> list[Any]:
        """The documents of a stream; `[DONE]` is dropped after it was seen."""
        response = await self.post(text, stream=True, **body)
        lines = data_lines(response.text)
        assert lines[-1] == "[DONE]"
        return [orjson.loads(line) for line in lines[:-1]]


class Serve(Protocol):
    """Starts a vendor for the length of a test; keywords become `VendorOptions`."""

    async def __call__(self, *faults: str, **options: Any) -> Visitor: ...


def data_lines(text: str) -> list[str]:
    """What stands behind `data: ` in an event stream."""
    return [line.removeprefix("data: ") for line in text.split("\n\n") if line]


def deltas(events: Sequence[Any]) -> Iterator[Any]:
    """The deltas of the first choice."""
    return (event["choices"][0]["delta"] for event in events if event["choices"])


def said(events: Sequence[Any], field: str = "content") -> str:
    """The joined text of one field of the deltas."""
    return "".join(delta.get(field) or "" for delta in deltas(events))
