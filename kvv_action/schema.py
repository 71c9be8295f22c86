"""The frozen records that flow through a run, and the version of their JSON form."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

SCHEMA_VERSION = 1

MOST_BROKEN_TRIES = 0.02
"""Share of first tries that may break, unless the user says otherwise."""

MOST_FAILURES = 0.1
"""Share of answers that may fail for good, unless the user says otherwise."""

MOST_SLOTS = 20_000_000
"""Answers of one benchmark that a plan can have; a file of somebody else may name any number."""

TIERS = ("smoke", "standard", "full")
"""How much a run can ask, the least first."""

CHAT = "chat/completions"
COMPLETIONS = "completions"
BUSY = frozenset({429, 503, 529})
"""Statuses that say: no capacity now."""
REFUSED = "refused_as_officially"
"""Name of the metric that counts requests which the official endpoint refuses as well."""
REFERENCE = "reference"
"""Name of the endpoint that answers are compared with, where a request goes there."""
JUDGE = "judge"
"""Name of the endpoint whose model judges answers, where a request goes there."""

LATER = {"later": True}
"""Metadata of fields that reports did not always have: they are left out of the JSON while they have their default."""

Json = Any
Message = Mapping[str, Json]


def is_share(value: float) -> bool:
    """Whether a number is from 0 to 1, but for the last digits of a sum."""
    return -1e-9 <= value <= 1 + 1e-9


class Verdict(StrEnum):
    """What a run or a benchmark concludes."""

    PASS = "pass"  # noqa: S105 - a verdict, not a secret
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"


class FailureKind(StrEnum):
    """Why a sample has no score: infrastructure, never a wrong answer.

    REFUSED is no failure: the official endpoint refuses the request as well, so that it is left out on both sides.
    """

    CONNECT = "connect"
    DISCONNECTED = "disconnected"
    TIMEOUT_CONNECT = "timeout-connect"
    TIMEOUT_FIRST_TOKEN = "timeout-first-token"  # noqa: S105 - a deadline, not a secret
    TIMEOUT_SILENCE = "timeout-silence"
    TIMEOUT_TOTAL = "timeout-total"
    TRUNCATED = "truncated"
    BAD_RESPONSE = "bad-response"
    TOO_LARGE = "too-large"
    STREAM_ERROR = "stream-error"
    EMPTY_STREAM = "empty-stream"
    SERVER_ENDED = "server-ended"
    """The server gave the answer up and says so by its finish_reason."""
    CONTENT_FILTER = "content-filter"
    RATE_LIMITED = "rate-limited"
    SERVER_ERROR = "server-error"
    AUTH = "auth"
    REDIRECT = "redirect"
    REJECTED = "rejected"
    REFUSED = "refused-as-officially"
    UNDECIDED = "undecided"
    JUDGE = "judge"
    """The model that judges answers failed, or its judgement cannot be read."""
    SCORER = "scorer"
    SANDBOX = "sandbox"
    INTERNAL = "internal"


class Thinking(StrEnum):
    """What a request asks about thinking; PROFILE follows the profile's benchmark entry."""

    PROFILE = "profile"
    ON = "on"
    OFF = "off"
    UNSET = "unset"


class RunState(StrEnum):
    """How far a run came."""

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"


class BenchmarkKind(StrEnum):
    """`contract`: every sample is a probe that must pass. `scored`: samples give a rate."""

    CONTRACT = "contract"
    SCORED = "scored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One item of a benchmark.

    Attributes:
        id: stable within the benchmark's dataset.
        input: what the benchmark needs to build its request; JSON-like.
        target: the right answer, in the form that the scorer expects.
        category: for per-category scores; empty when there is none.
        detail: `fine` when a degraded picture is not enough to answer; known of our own samples only.
        unanswered: counts that stand for this sample when it has no score (see `Score.counts`).
        cluster: what samples have in common whose answers are alike (the same question shown in two ways); empty when
            a sample stands for itself.
        variation: in which ways it differs from the published item, in words; empty for the item itself.
        refusable: why the official endpoint refuses it by HTTP 400, in words; empty when it must be answered.
    """

    id: str
    input: Json
    target: Json = None
    category: str = ""
    detail: str = ""
    unanswered: Mapping[str, int] = field(default_factory=dict)
    cluster: str = ""
    variation: tuple[str, ...] = ()
    refusable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a benchmark asks for; the runner adds model, sampling, thinking and extra body.

    Attributes:
        messages: OpenAI chat messages.
        body: further fields (tools, max_tokens, ...); these win over the profile's sampling.
        sampling: False sends none of the profile's sampling parameters.
        thinking: whether thinking is asked for.
        stream: None follows the run's setting.
        path: what is asked below the base URL, or below its origin when it begins with a slash; anything but
            `chat/completions` and `completions` is fetched with GET, without a body, unless `verbatim`.
        verbatim: it is posted, and the body of the answer is taken as it is: the text is the content.
        metered: of a verbatim one, whose answer is a completion all the same: the tokens that it says count.
        padding: bytes of white space before the end of the body, which is JSON all the same.
        may_crash: the benchmark judges it itself when every try crashed the server (`Attempt.crashed`).
        tries: HTTP tries at most when each of them crashed the server; 0 follows the run's setting.
        endpoint: empty for the endpoint under test, `REFERENCE` for the one that it is compared with, `JUDGE` for the
            one whose model judges answers.
    """

    messages: Sequence[Message] = ()
    body: Mapping[str, Json] = field(default_factory=dict)
    sampling: bool = True
    thinking: Thinking = Thinking.PROFILE
    stream: bool | None = None
    path: str = CHAT
    endpoint: str = ""
    verbatim: bool = False
    metered: bool = False
    padding: int = 0
    may_crash: bool = False
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool call as the endpoint sent it; `arguments` is text and may be malformed."""

    id: str
    name: str
    arguments: str
    type: str = "function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP try.

    Attributes:
        number: 1 for the first.
        started: seconds since the epoch.
        duration: seconds until the response ended or failed.
        status: HTTP status, None when no response came.
        failure: cause, None for the try that succeeded.
        message: what went wrong, key removed, cut to size.
        waited: seconds slept after this try before the next one.
        request_id: the endpoint's id for the request, when it gave one.
        characters: of the text that came before the try failed; 0 for the one that succeeded.
    """

    number: int
    started: float
    duration: float
    status: int | None = None
    failure: FailureKind | None = None
    message: str = ""
    waited: float = 0.0
    request_id: str = ""
    characters: int = 0

    @property
    def crashed(self) -> bool:
        """Whether the server broke down over it: a 5xx that is no overload, or no text but an end or an error."""
        match self.failure:
            case FailureKind.SERVER_ERROR:
                return self.status is not None and self.status >= 500 and self.status not in BUSY
            case FailureKind.DISCONNECTED | FailureKind.STREAM_ERROR:
                return self.characters == 0
            case _:
                return self.failure is FailureKind.EMPTY_STREAM


def all_crashed(attempts: Sequence[Attempt]) -> bool:
    """Whether every try of a request crashed the server."""
    return bool(attempts) and all(attempt.crashed for attempt in attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A whole answer, reassembled.

    Attributes:
        content: text of the first choice; empty when there was none.
        reasoning: thinking text, from `reasoning_content` or `reasoning`.
        tool_calls: in the order of their index.
        finish_reason: verbatim, also when unknown.
        usage: as sent, None when the endpoint sent none.
        streamed: True when the body was an event stream.
        chunks: number of event-stream data events (1 when not streamed).
        anomalies: what was tolerated while reading, as stable words (`tool-call-without-index`, ...).
        choices: number of choices seen; 0 for what is no chat completion, like the list of models.
        raw_bytes, raw_sha256: size and digest of the response body as received.
        first_token: seconds from sending to the first content, reasoning or tool-call text.
        total: seconds from sending to the end, of the successful attempt.
        attempts: every try, the successful one last.
    """

    content: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    usage: Mapping[str, Json] | None = None
    model: str = ""
    id: str = ""
    system_fingerprint: str = ""
    streamed: bool = False
    chunks: int = 1
    anomalies: tuple[str, ...] = ()
    choices: int = 1
    raw_bytes: int = 0
    raw_sha256: str = ""
    first_token: float = 0.0
    total: float = 0.0
    attempts: tuple[Attempt, ...] = ()

    @property
    def by_model(self) -> bool:
        """Whether it is an answer of the model: it has choices, or a body kept as it came says what was generated."""
        return bool(self.choices or self.usage)

    @property
    def tokens(self) -> tuple[int, int] | None:
        """Prompt and completion tokens as the endpoint counted them; None when it did not, or sent no counts."""
        if not self.usage:
            return None
        prompt, generated = self.usage.get("prompt_tokens"), self.usage.get("completion_tokens")
        if isinstance(prompt, int) and isinstance(generated, int) and prompt >= 0 and generated >= 0:
            return prompt, generated
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A 4xx answer that a probe asked to see, or a request that crashed the server at every try.

    `message` is the endpoint's own words, without the status; `body` is the beginning of the response, key removed.
    `status` is 0 where the connection was closed without one.
    """

    status: int
    message: str
    body: str
    attempts: tuple[Attempt, ...] = ()

    @property
    def crashed(self) -> bool:
        """Whether it is no refusal: every try crashed the server."""
        return all_crashed(self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a benchmark saw elsewhere than at the endpoint and judges by: a tool's output, a patch, a test log.

    Attributes:
        name: what it is, as a stable word.
        data: small facts about it; JSON.
        text: the thing itself, when it is text; may be megabytes, whose bound the benchmark sets.
    """

    name: str
    data: Mapping[str, Json] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One journaled step of a sample: exactly one of `completion`, `rejection` and `observation` is set.

    `request` is the beginning of the body: of every request of a contract probe, and of a scored sample's first one;
    `endpoint` is that of the request. `echo` are pieces of the request that would be suspicious in an answer.
    `signs` stand in a redacted journal for what the texts of the answer show: by id of a cause, the word that it names.
    """

    call: int
    request: str = ""
    endpoint: str = ""
    completion: Completion | None = None
    rejection: Rejection | None = None
    observation: Observation | None = None
    echo: tuple[str, ...] = ()
    signs: Mapping[str, str] | None = None

    @property
    def by_vendor(self) -> bool:
        """Whether the endpoint that is verified answered; not so for a reference, a judge and an observation."""
        return not self.endpoint and self.observation is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A scorer's judgement.

    Attributes:
        value: 0..1.
        answer: what was taken as the answer, for people.
        explanation: why it got this value.
        unparsed: no answer was found; `value` is 0.
        category: the sample's category, for scores per category.
        cause, remedy: a known signature of a defect, when one was recognised.
        metrics: further numbers, in 0..1 where the name says no unit; their means are reported under these names.
        counts: whole numbers that are summed; `group/name` is reported as a breakdown, the others among the metrics.
        findings: further signatures, as cause and remedy; unlike `cause` they may stand at a right answer.
        data: what a rule that judges all answers together needs of this one (`score_rule.Aggregate.together`), as JSON
            gives it back; only its numbers stay when a journal is redacted.
    """

    value: float
    answer: str = ""
    explanation: str = ""
    unparsed: bool = False
    category: str = ""
    cause: str = ""
    remedy: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    findings: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Json] = field(default_factory=dict, metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFailure:
    """A sample that was sent and has no score; `counts` are the sample's `unanswered`."""

    kind: FailureKind
    message: str
    counts: Mapping[str, int] = field(default_factory=dict)


Slot = tuple[str, int, int]
"""Benchmark id, index of the sample in the plan, epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which answer something is about; `index` is the sample's position in the plan."""

    benchmark: str
    sample: str
    index: int
    epoch: int

    def __str__(self) -> str:
        return f"{self.benchmark}, sample {self.sample}, epoch {self.epoch}"

    @property
    def slot(self) -> Slot:
        """Where its result stands."""
        return self.benchmark, self.index, self.epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One result of a journal, with what it judges.

    Attributes:
        exchanges: of a score, those that it judged, in the order of their calls; of a failure, all that came before it.
        result: the score, or why there is none.
        stands: no later result of the same sample and epoch replaces it.
        line: number of its line, from 1.
        offset: byte position of the line with the last answer of the endpoint under test; -1 where there is none.
    """

    place: Place
    exchanges: tuple[Exchange, ...]
    result: Score | SampleFailure
    stands: bool
    line: int
    offset: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an ideal vendor answers; replayed by the embedded vendor."""

    content: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """Where samples really came from.

    Attributes:
        source: `bundled`, `file`, `hub` or `archive`.
        location: package path, file name or hub id; never an absolute path.
        revision: commit of the hub repository; empty for files.
        count: rows in the dataset before any subset was taken.
        digest: SHA-256 of the canonical content.
        pinned: True when everything that the benchmark's pin knows was compared and is equal.
        pinned_by: by what it was recognised: `digest`, `revision and count` or `count`; `nothing known` when the pin
            has no digest that a local copy could be compared with; empty when it differs.
    """

    source: str
    location: str
    revision: str = ""
    count: int
    digest: str
    licence: str = ""
    pinned: bool = False
    pinned_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A published or measured score to compare with; `value` in 0..1, `n` samples x epochs behind it."""

    value: float
    source: str
    date: str
    n: int | None = None
    note: str = ""


def all_must_be_right(kind: BenchmarkKind, source: str, *, self_test: bool) -> bool:
    """The rule: contract probes, self-tests, and bundled samples, which are too few for statistics.

    Args:
        kind: of the benchmark.
        source: of its dataset.
        self_test: whether it tests the environment instead of a model.
    """
    return self_test or kind is BenchmarkKind.CONTRACT or source == "bundled"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBenchmark:
    """What will be asked of one benchmark.

    Attributes:
        metric: name of the score, as the field calls it (`pass@1`).
        samples: number of samples chosen; `ids` names them when a subset was taken.
        epochs: answers per sample.
        sampling: fields sent with every request of this benchmark.
        thinking: None when the profile leaves it alone.
        skip: reason why nothing is sent, else empty.
        aggregate: how the score comes from the samples (`kvv_action.statistics.aggregates`).
        against: what answers are compared with, as name and digest; empty when nothing but the sample's own target.
        looks: numbers of answers after which a verdict is looked for, so that the benchmark may end early; empty when
            everything is asked. The order of the answers is that of `kvv_action.plan.order`.
        order_seed: of that order.
        clusters: for each sample the number of its cluster; empty when every sample stands for itself.
        peers: for each sample the mean value that a run of the reference has, None where it has none; empty when the
            reference is only known by its score.
        exact: every answer must be right, whatever the reference (a self-test).
        notes: what a reader of the result should know, such as what was left out.
        varies: id of the benchmark whose samples these are, put another way; its own id when they are asked instead of
            the published ones; empty for these.
        variations: how many samples were changed in which way.
    """

    id: str
    title: str
    version: str
    metric: str
    kind: BenchmarkKind
    dataset: DatasetInfo
    samples: int
    epochs: int
    ids: tuple[str, ...] = ()
    ids_digest: str = ""
    sampling: Mapping[str, Json] = field(default_factory=dict)
    thinking: bool | None = None
    gates: bool = False
    reference: Reference | None = None
    margin: float | None = None
    skip: str = ""
    aggregate: str = "mean"
    against: str = ""
    looks: tuple[int, ...] = ()
    order_seed: int = 0
    clusters: tuple[int, ...] = ()
    peers: tuple[float | None, ...] = ()
    exact: bool = False
    notes: tuple[str, ...] = ()
    varies: str = ""
    variations: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if min(self.samples, self.epochs) < 0 or self.samples * self.epochs > MOST_SLOTS:
            raise ValueError(f"{self.samples} samples and {self.epochs} epochs cannot be a plan")
        compared = [self.reference.value if self.reference else None, self.margin, *self.peers]
        if not all(share is None or is_share(share) for share in compared):
            raise ValueError("reference, margin and peers are numbers from 0 to 1")

    @property
    def must_be_right(self) -> bool:
        """Whether every answer must be right."""
        return all_must_be_right(self.kind, self.dataset.source, self_test=self.exact)

    @property
    def comparable(self) -> bool:
        """Whether statistics can decide: it is asked, and there are a reference and a margin."""
        return not (self.must_be_right or self.skip) and self.reference is not None and self.margin is not None

    @property
    def variant_of(self) -> str:
        """Id of the benchmark of this plan whose samples these are, put another way; empty when it is no variant."""
        return self.varies if self.varies != self.id else ""

    @property
    def is_variant(self) -> bool:
        """Whether its samples stand beside the published ones of another benchmark of the plan."""
        return bool(self.variant_of)

    @property
    def left_out(self) -> bool:
        """The tier leaves it out, so that its samples were not even read."""
        return bool(self.skip) and not self.ids_digest

    @property
    def published(self) -> str:
        """Id of the benchmark whose samples these are, also where they are put another way."""
        return self.varies or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointInfo:
    """The endpoint without its secrets."""

    vendor: str
    base_url: str
    model: str
    think_mode: str
    effort: str = ""
    stream: bool = True
    extra_body: Mapping[str, Json] = field(default_factory=dict)
    extra_headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileInfo:
    """Which profile judged the run, and its digest."""

    name: str
    title: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One part of a divided run.

    Attributes:
        number, of: which shard of how many, from 1.
        plan: digest of the whole plan, which all shards share.
        samples: by benchmark id, how many of its samples this shard asks.
    """

    number: int
    of: int
    plan: str
    samples: Mapping[str, int]


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_names(value: Json) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)


def _are_texts(value: Json) -> bool:
    return isinstance(value, Mapping) and all(isinstance(one, str) for one in value.values())


def _are_checks(value: Json) -> bool:
    listed = isinstance(value, Mapping) and all(_are_names(value.get(name, ())) for name in ("markers", "names"))
    return listed and _is_number(value.get("version", 1))


def _is_endpoint(value: Json) -> bool:
    """The names of the address that are read; a plan keeps the endpoint as JSON."""
    fields = EndpointInfo.__dataclass_fields__
    texts = isinstance(value, Mapping) and all(
        isinstance(value.get(name), str) for name in ("vendor", "base_url", "model", "think_mode")
    )
    return texts and value.keys() <= fields.keys()


def _are_of(one: Callable[[Json], bool]) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, Mapping) and all(map(one, value.values()))


_CHOICES: Final[Mapping[str, Callable[[Json], bool]]] = {
    "max-broken-tries": lambda value: value is None or _is_number(value),
    "reference-effort": _are_texts,
    "reference-packs": _are_texts,
    "checks": lambda value: value is None or _are_checks(value),
    "engine-options": _are_of(_are_texts),
    "facts": _are_of(lambda value: isinstance(value, Mapping)),
    "given": _are_names,
    "without-data": _are_names,
    JUDGE: lambda value: value is None or _is_endpoint(value),
}
"""What the choices must be that a plan itself reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Everything that could change an answer or a verdict; its digest identifies the run.

    `tokenizer` is the digest of the tokenizer file, empty without one; `choices` are the settings that only some
    benchmarks know (`image-encoding`). `reference` is a live endpoint that is asked the same. `imported` names the
    foreign result file that a run was made from, with its digest. `sequential` lets a benchmark end as soon as its
    verdict is clear. `max_failure_rate` is the share of answers that may fail for good before that alone can be a
    reason to fail. `shard` is the part that one process asks; without it, the plan is that of the whole run.
    """

    endpoint: EndpointInfo
    profile: ProfileInfo
    benchmarks: tuple[PlannedBenchmark, ...]
    tier: str
    seed: int
    limit: int | None = None
    contract: str = "official"
    precheck: str = "gate"
    probes: tuple[str, ...] = ()
    tokenizer: str = ""
    choices: Mapping[str, Json] = field(default_factory=dict)
    demonstration: bool = False
    faults: tuple[str, ...] = ()
    reference: EndpointInfo | None = None
    imported: str = ""
    sequential: bool = False
    max_failure_rate: float = MOST_FAILURES
    shard: Shard | None = None
    holdout: str = "off"

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            raise ValueError(f"tier is {self.tier!r}, and none of {', '.join(TIERS)}")
        for name, is_right in _CHOICES.items():
            if name in self.choices and not is_right(self.choices[name]):
                raise ValueError(f"choices.{name} is not as kvv writes it")

    @property
    def max_broken_tries(self) -> float | None:
        """Share of first tries that may break; None in plans that do not ask for delivery and findings to be judged.

        It stands among `choices`, so that plans made before it keep their digest.
        """
        return self.choices.get("max-broken-tries")

    @property
    def reference_efforts(self) -> Mapping[str, str]:
        """By benchmark, the level of effort of its reference, where it is not the one that this run asks for."""
        levels: Mapping[str, str] = self.choices.get("reference-effort", {})
        return levels

    @property
    def reference_packs(self) -> Mapping[str, str]:
        """By benchmark that a reference pack judges, the digest of the pack's file."""
        packs: Mapping[str, str] = self.choices.get("reference-packs", {})
        return packs

    @property
    def checks(self) -> Mapping[str, Json] | None:
        """What checks over all answers must know of the model (its markers and names); None where they do not run."""
        return self.choices.get("checks")

    @property
    def engine_options(self) -> Mapping[str, Mapping[str, str]]:
        """By engine, the values of options that are the model's own; empty where its profile names none."""
        options: Mapping[str, Mapping[str, str]] = self.choices.get("engine-options", {})
        return options

    @property
    def judge(self) -> EndpointInfo | None:
        """The endpoint whose model judges answers; None where no benchmark needs one.

        It stands among `choices`, so that plans without it keep their digest.
        """
        said = self.choices.get(JUDGE)
        return None if said is None else EndpointInfo(**said)

    def endpoint_of(self, role: str) -> EndpointInfo:
        """The endpoint that a request goes to (`Request.endpoint`)."""
        other = {REFERENCE: self.reference, JUDGE: self.judge}.get(role)
        return self.endpoint if other is None else other

    @property
    def verdicts(self) -> Json:
        """The rules by which answers become verdicts (`verdict.rules`); None in plans that are judged by the first."""
        return self.choices.get("verdicts")

    def facts_of(self, benchmark: str) -> Mapping[str, Json]:
        """What a benchmark that judges all of its answers together must know besides them (`Benchmark.facts`)."""
        facts: Mapping[str, Mapping[str, Json]] = self.choices.get("facts", {})
        return facts.get(benchmark, {})

    @property
    def asked(self) -> tuple[str, ...]:
        """Ids of the published benchmarks whose samples are asked."""
        return tuple(dict.fromkeys(planned.published for planned in self.benchmarks))

    @property
    def without_data(self) -> tuple[str, ...]:
        """Benchmarks that are not asked because their datasets were not here; without them a run does not pass."""
        return tuple(map(str, self.choices.get("without-data", ())))

    @property
    def advisory(self) -> list[str]:
        """Ids of the benchmarks that are reported but do not count."""
        return [planned.id for planned in self.benchmarks if planned.gates and self.precheck == "warn"]

    @property
    def plain_reports(self) -> bool:
        """Whether reports of this run read as plain text, have one score and tell speed; older ones do not."""
        return bool((self.checks or {}).get("version", 1) > 2)

    @property
    def orders_causes(self) -> bool:
        """Whether reports of this run lead with one cause; those of plans made before that keep their bytes."""
        return bool((self.checks or {}).get("version", 1) > 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Denominators: planned = sent + skipped, sent = scored + failed + refused, unparsed is part of scored.

    `refused` are requests that the official endpoint refuses as well; they are no part of any score.
    """

    planned: int
    sent: int
    scored: int
    unparsed: int
    failed: int
    skipped: int
    refused: int = field(default=0, metadata=LATER, repr=False)

    def __post_init__(self) -> None:
        assert self.planned == self.sent + self.skipped, self
        assert self.sent == self.scored + self.failed + self.refused, self
        assert 0 <= self.unparsed <= self.scored, self


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCount:
    """How often one cause of failure was met, with one example message."""

    kind: FailureKind
    count: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryScore:
    """Score of one category of samples."""

    name: str
    score: float
    scored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """A recognised cause, the number of answers that show it, their share of all scored, and what to do.

    `cause_id` is the cause's stable name, empty where it has none.
    """

    cause: str
    count: int
    remedy: str
    share: float | None = None
    cause_id: str = field(default="", metadata=LATER)


class Outcome(StrEnum):
    """What became of one sample in one epoch."""

    RIGHT = "right"
    WRONG = "wrong"
    PARTIAL = "partial"
    UNPARSED = "unparsed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One request of a probe that does not hold, or of an answer that is not right; key removed, cut to size.

    Of a scored benchmark only the first answers that are not right have it (`kvv_action.verdict.tally.EVIDENCE_LIMIT`).
    """

    request_id: str
    request: str
    response: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One sample in one epoch, as reports show it; texts are cut to size.

    `seconds` is the whole number 0 where nothing was asked, and stays one when a report is read.
    """

    id: str
    epoch: int
    outcome: Outcome
    value: float | None
    answer: str = ""
    explanation: str = ""
    category: str = ""
    seconds: int | float = 0.0
    finish_reason: str = ""
    cause: str = ""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """A distribution in few numbers: `counts[i]` values lie in `edges[i]` <= value < `edges[i + 1]`.

    The edges are on a fixed logarithmic grid (`kvv_action.verdict.distribution`), so that histograms can be added.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        between = len(self.edges) == len(self.counts) + 1 and self.edges[0] >= 0 and min(self.edges[1:], default=0) > 0
        if self.counts and not between:
            raise ValueError("each count of a histogram lies between two edges, of which only the first can be 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumComparison:
    """Items that a reference pack puts together: those at the border of what the model can do, or sure ones.

    Attributes:
        share: of all items.
        asked: how many of them were asked.
        expected: accuracy of a vendor that equals the pack.
        seen: accuracy of this one.
        worse: it is shown to be worse than the pack.
    """

    name: str
    share: float
    asked: int
    expected: float
    seen: float
    worse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a vendor compares with its reference: what the verdict of a scored benchmark rests on.

    Differences are vendor minus reference, as fractions. `high` below `-margin` fails; else `low` above `-pass_margin`
    passes.

    Attributes:
        difference: as seen in the answers that were scored.
        low: lower limit, what did not come counted wrong.
        high: upper limit, what did not come counted right.
        low_error, high_error: one-sided error of each limit, all looks together; `high` allows for the other benchmarks
            of the run.
        paired: the reference answered the same samples.
        reference_size: answers that the reference's own uncertainty is reckoned from; 0 when paired.
        reference_assumed: its size is not published; one pass over the dataset is assumed.
        answers: how many answers, scored or failed, this rests on.
        looks: how often a verdict was looked for.
        early: the verdict was clear before everything was asked.
        detectable: the smallest deficit that would have failed in four of five runs; None where none would.
        needed: how many more answers would settle it in four of five runs, if the true difference is the one seen; None
            when it is settled, when what did not come decides, or when no number of answers would.
        pass_margin: the largest loss that a pass does not rule out; None where it is the margin.
        missing_decides: the answers that did not come would make it a fail, had they been wrong.
        strata: the items that were asked, where a pack chose them; differences are then weighted by their shares. It
            fails where one is shown to be worse and `difference` is below `-margin`.
        passes_if_lower: share of equal vendors that pass if our way of asking reads two points lower than the published
            one (`verdict.rules.BIAS`); None where the same way of asking made the reference.
    """

    difference: float
    low: float
    high: float
    low_error: float
    high_error: float
    paired: bool
    reference_size: float
    reference_assumed: bool
    answers: int
    looks: int
    early: bool
    detectable: float | None
    needed: int | None
    pass_margin: float | None = field(default=None, metadata=LATER, repr=False)
    missing_decides: bool = field(default=False, metadata=LATER, repr=False)
    strata: tuple[StratumComparison, ...] = field(default=(), metadata=LATER, repr=False)
    passes_if_lower: float | None = field(default=None, metadata=LATER, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What ending early saved: requests that were not sent, and about how many tokens they would have taken.

    `tokens` go by the mean of the answers that came; None when the endpoint sent no usage.
    """

    requests: int
    tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredItem:
    """One answer to a sample on the scale of a measurement."""

    sample: str
    group: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredGroup:
    """The samples of one category: how many were measured of how many planned, and their value together."""

    name: str
    measured: int
    planned: int
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a benchmark measured that judges all of its answers together; its verdict rests on it.

    It fails when `chance` is at most `error`, and passes only when `upper` is below `limit`.

    Attributes:
        quantity: what was measured, in words.
        unit: of `value`, its limits and all others on its scale, which is logarithmic.
        low, high: interval of the value, 95 %.
        upper: its one-sided upper limit, with the error of a pass.
        limit: the largest value that is good enough; None where nobody has calibrated one.
        chance: how likely a deviation like this is for a vendor at the limit; None where it was not tested.
        error: own share of the run's error, at which it fails.
        advisory: why the result is told and does not count; empty where it counts.
        marks: other values on the same scale, by what they are of.
        groups: the same by category.
        items: of every answer, in the order of the samples.
    """

    quantity: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    upper: float | None
    limit: float | None
    chance: float | None
    error: float
    advisory: str = ""
    marks: Mapping[str, float] = field(default_factory=dict)
    groups: tuple[MeasuredGroup, ...] = ()
    items: tuple[MeasuredItem, ...] = ()

    @property
    def marked(self) -> Sequence[tuple[str, float]]:
        """The marks from the lowest to the highest: a report that is read again has them in no order."""
        return sorted(self.marks.items(), key=lambda mark: (mark[1], mark[0]))

    @property
    def measured(self) -> int:
        """How many samples were measured."""
        return len({item.sample for item in self.items})


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkResult:
    """One benchmark's numbers and verdict.

    Attributes:
        score: by the plan's aggregate: mean value over scored answers, or F1; None when there is none.
        interval: 95 % confidence interval of the score, clustered by sample; not widened for having ended early, which
            the limits of `comparison` are.
        breakdowns: sums by group and name, the largest ones of each group.
        bounds: score if every failed or skipped answer had been wrong, or right.
        reference, margin: what the verdict compared with; None when there is none.
        skips: reasons for unsent samples, with counts.
        cases: at most `CASE_LIMIT` of them, the bad ones kept first; `cases_omitted` counts the rest.
        distributions: over the answers that were judged: `first_token` and `answer` in seconds, `prompt_tokens` and
            `completion_tokens` where the endpoint said them.
        comparison: with the reference; None where there is none, or nothing to compare.
        saved: what ending early saved; None when everything was asked.
        orientation: answered, but the profile says nothing to judge it by: it is inconclusive, and does not count.
        measurement: of a benchmark that judges all of its answers together.
    """

    id: str
    title: str
    version: str
    kind: BenchmarkKind
    verdict: Verdict
    reason: str
    score: float | None
    interval: tuple[float, float] | None
    bounds: tuple[float, float] | None
    reference: float | None
    reference_source: str
    margin: float | None
    counts: Counts
    metrics: Mapping[str, float]
    samples: int
    epochs: int
    dataset: DatasetInfo
    finish_reasons: Mapping[str, int]
    anomalies: Mapping[str, int]
    failures: tuple[FailureCount, ...]
    skips: Mapping[str, int]
    categories: tuple[CategoryScore, ...]
    diagnosis: tuple[Diagnosis, ...]
    cases: tuple[Case, ...]
    cases_omitted: int
    aggregate: str = "mean"
    breakdowns: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    distributions: Mapping[str, Histogram] = field(default_factory=dict)
    comparison: Comparison | None = None
    saved: Saved | None = None
    orientation: bool = False
    measurement: Measurement | None = field(default=None, metadata=LATER)

    def __post_init__(self) -> None:
        for share in (self.score, *(self.interval or ()), *(self.bounds or ())):
            if share is not None and not is_share(share):
                raise ValueError(f"{self.id} has a score, bound or interval of {share}, which is not between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How much better published items were answered than the same ones put another way; behaviour, not its cause.

    Attributes:
        benchmark: id of the benchmark with the published items.
        pairs: samples that were scored in both ways.
        lost: answers to samples asked in both ways that failed for good, of either kind.
        clear_with_lost: it would be clear if these had been wrong.
        public, varied: mean score of these.
        gap: public - varied, -1..1.
        interval: its 95 % confidence interval, by sample.
        chance: how likely so large a gap is without any difference, all benchmarks of the run allowed for.
        clear: published items are answered better beyond reasonable doubt.
    """

    benchmark: str
    pairs: int
    public: float
    varied: float
    gap: float
    interval: tuple[float, float]
    chance: float
    clear: bool
    lost: int = 0
    clear_with_lost: bool = False


class Severity(StrEnum):
    """What a finding means for the verdict: a failure fails the run, a warning is told, information is folded."""

    FAILURE = "failure"
    WARNING = "warning"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingExample:
    """One answer that shows a finding; texts are cut to size."""

    benchmark: str
    sample: str
    epoch: int
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong that was seen over the answers of the whole run, whichever benchmark asked.

    Attributes:
        cause_id: stable name of the cause; its page is `docs/causes.md#cause_id`.
        cause: what is wrong, in a sentence.
        remedy: what to do about it.
        count, of: answers that show it, of how many in which it could have been seen.
        interval: 95 % interval of the share.
        benchmarks: ids of the benchmarks whose answers show it.
        evidence: the first answers that show it.
    """

    cause_id: str
    severity: Severity
    cause: str
    remedy: str
    count: int
    of: int
    interval: tuple[float, float]
    benchmarks: tuple[str, ...]
    evidence: tuple[FindingExample, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCause:
    """What is wrong, whichever probe, check or benchmark saw it, with the symptoms that it explains folded under it.

    Attributes:
        cause_id: stable name of the cause; its page is `docs/causes.md#cause_id`.
        severity: the worst with which it or one of its symptoms was seen.
        cause: what is wrong, in a sentence.
        remedy: what to do about it.
        switches: the exact option or setting that mends it, by the name of the engine or gateway.
        count, of: answers that show it, of how many in which it could have been seen.
        share: of the failing answers of the run, those that show this cause or one of its symptoms; None where no
            answer fails.
        benchmarks: ids of the benchmarks whose answers show it.
        symptoms: ids of the findings and diagnoses that it explains.
    """

    cause_id: str
    severity: Severity
    cause: str
    remedy: str
    switches: Mapping[str, str]
    count: int
    of: int
    share: float | None
    benchmarks: tuple[str, ...]
    symptoms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How reliably answers arrive, judged on the first try of each request.

    Attributes:
        requests: first tries that were judged: answered, refused or broken.
        broken: those that the server accepted and then broke.
        incidents: groups of broken tries that have one event as their cause.
        kinds: broken first tries by `FailureKind`.
        share: broken / requests; None without requests.
        interval: lower limit (99 %) and upper limit (95 %) of the share, each one-sided; they decide.
        limit: `max-broken-tries` of the plan.
        verdict: `fail` when the share is shown to be above the limit, `pass` when below it, else `inconclusive` (not
            shown, which changes no verdict).
        reason: the same in a sentence.
        first_try_rate: share of requests that were answered at the first try.
        final_rate: share that was answered in the end, after retries.
        retries: further tries of these requests.
        busy: first tries that were turned away for lack of capacity (429, 503, 529).
        cut_after: seconds after which most cut answers end, where they end at one duration; None where they do not.
    """

    requests: int
    broken: int
    incidents: int
    kinds: Mapping[str, int]
    share: float | None
    interval: tuple[float, float]
    limit: float
    verdict: Verdict
    reason: str
    first_try_rate: float | None
    final_rate: float | None
    retries: int
    busy: int
    cut_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and requests, summed over every answer in the journal."""

    requests: int = 0
    attempts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    answers_without_usage: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a million tokens cost, in any currency; a session that was given both keeps them in the journal."""

    input: float
    output: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the tokens of `Usage` cost, at the prices of the last session and in their currency."""

    prices: Prices
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Distribution of a duration in seconds; None when nothing was measured."""

    p50: float | None = None
    p95: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When and how long; times are UTC in ISO 8601, durations in seconds."""

    started: str
    finished: str
    wall: float
    sessions: int
    first_token: Quantiles
    total: Quantiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast answers came, at the load that the run itself made.

    Attributes:
        in_flight: answers under way at a time, on average.
        first_token: seconds to the first token of a streamed answer.
        per_answer: tokens a second of a streamed answer, from its first token on.
        slow_answer: tokens a second that 95 % of these answers reach.
        in_all: tokens a second of all answers together, over the time that the run took.
        answers: streamed answers that have a speed: long enough, and not sent in one piece.
    """

    in_flight: float
    first_token: Quantiles
    per_answer: float | None
    slow_answer: float | None
    in_all: float
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What produced the report.

    `image` is the container's own, as its engine or its deployment named it; `commit` is the one it was built from.

    `engine` is the container engine for nested containers, with its version and seccomp profile; empty without any.
    `user_agent` is that of every request; empty where none was sent, and in runs that did not say it.
    `again` are the words behind `kvv` that ask the same again: what was set, with whole paths, without secrets.
    """

    version: str
    python: str
    platform: str
    packages: Mapping[str, str]
    github: Mapping[str, str]
    image: str = ""
    commit: str = field(default="", metadata=LATER)
    engine: str = field(default="", metadata=LATER)
    user_agent: str = field(default="", metadata=LATER)
    again: tuple[str, ...] = field(default=(), metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalInfo:
    """The evidence behind the report: number of lines, digest of the last one, what was mended.

    `redacted_from` is the last digest of the journal whose texts were taken out; then scores cannot be recomputed.
    """

    lines: int
    head: str
    mended_bytes: int
    retried_failures: int
    redacted_from: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """`report.json`: a pure function of the journal; `causes` are in the order in which they explain the failures."""

    schema_version: int
    verdict: Verdict
    reason: str
    state: RunState
    state_reason: str
    demonstration: bool
    endpoint: EndpointInfo
    profile: ProfileInfo
    plan: RunPlan
    plan_digest: str
    benchmarks: tuple[BenchmarkResult, ...]
    usage: Usage
    timing: Timing
    provenance: Provenance
    journal: JournalInfo
    gaps: tuple[Gap, ...] = ()
    delivery: Delivery | None = field(default=None, metadata=LATER)
    findings: tuple[Finding, ...] = field(default=(), metadata=LATER)
    causes: tuple[RunCause, ...] = field(default=(), metadata=LATER)
    speed: Speed | None = field(default=None, metadata=LATER)
    cost: Cost | None = field(default=None, metadata=LATER)

    def must_be_right(self, result: BenchmarkResult) -> bool:
        """Whether every answer of a benchmark must be right, so that its score has no interval."""
        self_test = any(planned.exact for planned in self.plan.benchmarks if planned.id == result.id)
        return all_must_be_right(result.kind, result.dataset.source, self_test=self_test)
