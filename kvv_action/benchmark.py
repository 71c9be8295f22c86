"""The seams: what a benchmark, an endpoint client, a dataset and an observer must offer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, Literal, Protocol

from kvv_action.causes import Cause
from kvv_action.errors import Problem
from kvv_action.options import BenchmarkOptions
from kvv_action.profiles.model import BenchmarkRules, Profile
from kvv_action.redact import Redactor
from kvv_action.schema import (
    CHAT,
    Answer,
    BenchmarkKind,
    Completion,
    DatasetInfo,
    Exchange,
    Json,
    Judged,
    Message,
    Observation,
    PlannedBenchmark,
    Request,
    RunPlan,
    Sample,
    SampleFailure,
    Score,
)
from kvv_action.score_rule import Aggregate

Row = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPart:
    """One configuration of a dataset that is asked as one benchmark.

    Attributes:
        name: our word for it; every row carries it as column `part`.
        config: the hub's word for it.
        count: expected number of rows.
    """

    name: str
    config: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPin:
    """A benchmark's declaration of its data.

    Attributes:
        hub_id, config, split, revision: where the hub has it; revision is a commit, empty when none could be confirmed.
        count: expected number of rows.
        digest: expected SHA-256 of the canonical content (`kvv_action.dataset.canonical_digest`); empty when it
            is not known, and then only revision and count are checked, which reports say.
        columns: columns that every row must have.
        optional: further columns that belong to the content, where a row has them.
        pictures: those of the columns that hold a picture; rows have them as bytes.
        parts: the configurations, when there are several; their rows follow one another.
        files: which files of the hub's repository are needed, as patterns; empty for all.
        bundled: folder of our own samples inside the benchmark's package.
        archive: URL of a `.tar.gz` that holds the rows as `samples.jsonl`; then there is no hub dataset.
        layout: reads a file or folder in a layout of its own; None where it is not in such a one.
        tidy: gives a row of any source the columns that are asked for.
        size: how many samples a row gives, where it is not one; `count` is then that of the samples.
        prompt: tokens that a usual prompt has, for estimates without the dataset; 0: as a bundled sample.
        download: bytes of the download, about; 0 where nobody has told.

    Without columns every column counts, and a row may have any.
    An archive without a digest is compared by its count alone and never counts as pinned.
    """

    hub_id: str
    split: str
    revision: str
    count: int
    digest: str
    columns: tuple[str, ...]
    licence: str
    config: str | None = None
    optional: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    parts: tuple[DatasetPart, ...] = ()
    files: tuple[str, ...] = ()
    bundled: str = "samples"
    archive: str = ""
    layout: Callable[[Path], Callable[[], Iterator[Row]] | None] | None = None
    tidy: Callable[[Row], Row] | None = None
    size: Callable[[Row], int] | None = None
    prompt: int = 0
    download: int = 0

    @property
    def pinned(self) -> bool:
        """Whether more than the number of rows can be compared: the digest, or the hub's commit."""
        return bool(self.digest or (self.revision and not self.archive))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The choices of a run that every benchmark may need; a benchmark's own are in its `options.py`.

    Attributes:
        model: name that the endpoint serves.
        contract: `official` (locked parameters must be refused when changed) or `compatible`.
        think_mode: how thinking is asked for; `none` means that nothing can be asked.
        tier: how much is asked.
        tokenizer: the model's tiktoken file; empty when counts are compared by differences only.
        reference: files of reference answers, or `official` or `none`; empty for what belongs to the samples.
        reference_model: name at a live reference endpoint; empty when there is none.
        judge_model: name of the model that judges answers; empty when there is none.
        dataset_cache: folder for downloads.
        price_input, price_output: of a million tokens; 0 when not known.
    """

    model: str = ""
    contract: str = "official"
    think_mode: str = "kimi"
    tier: str = "full"
    tokenizer: str = ""
    reference: tuple[str, ...] = ()
    reference_model: str = ""
    judge_model: str = ""
    dataset_cache: str = ""
    price_input: float = 0.0
    price_output: float = 0.0


USUAL = Options()
"""What holds when nothing is chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typical:
    """Tokens that one answer usually has; `ASSUMED` where nothing is known.

    For plans and the schedule only; nothing is judged by it.

    Attributes:
        thinking, plain: of a model that thinks, and of one that does not.
        source: where the figures come from, or that they are assumed.
    """

    thinking: int
    plain: int
    source: str


ASSUMED = Typical(thinking=2000, plain=300, source="assumed: nothing is published")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What one sample in one epoch is asked, as far as it is known before anything is sent.

    Attributes:
        requests: those that are sent whatever comes back.
        follows: further ones that a vendor is asked whose every answer is right.
        at_most: further ones at most, where what is asked depends on the answers; never less than `follows`.
        grows: tokens by which the prompt of each further request is longer than the one before, as expected.
        beside: seconds in which nothing is asked, as expected: commands, images, tests.
        beside_at_most: the same at most.
        published: what a sample of the published dataset is asked, where this one is bundled and much smaller; an
            estimate takes it where the dataset is not here.
        prompts: tokens of the prompt of each of `requests` to the endpoint under test, as expected and at most, where
            they were counted already; empty where not.
        memory: bytes that each of its containers must have; 0 where settings say how many.
    """

    requests: Sequence[Request]
    follows: int = 0
    at_most: int = 0
    grows: int = 0
    beside: float = 0.0
    beside_at_most: float = 0.0
    published: "Outline | None" = None
    prompts: tuple[tuple[float, float], ...] = ()
    memory: int = 0


class Rows(Protocol):
    """A dataset that can be read again and again without being held in memory.

    `folder` holds the other files of the archive that the rows come from; None when they come from no archive.
    """

    info: DatasetInfo
    folder: Path | None

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Row]: ...


class Generate(Protocol):
    """Sends one request of the current sample; the answer is in the journal before this returns."""

    async def __call__(self, request: Request, *, may_reject: bool = False) -> Exchange:
        """Send a request of the current sample.

        Args:
            request: what to ask.
            may_reject: hand a 4xx answer over as `Exchange.rejection` instead of raising.

        Raises:
            EndpointError: no usable answer after the retries.
        """
        ...

    def observe(self, name: str, data: Mapping[str, Json] | None = None, text: str = "") -> Observation:
        """Keep as evidence what was seen elsewhere; `score` finds it among the exchanges, in its place.

        Args:
            name: what it is, as a stable word.
            data: small facts about it.
            text: the thing itself; long ones are stored compressed.

        Returns:
            What the journal keeps: the same without secrets. Judge by this and nothing else, so that an audit can.
        """
        ...

    async def keep(self, name: str, data: Mapping[str, Json] | None, text: str) -> Observation:
        """The same of a text that may have megabytes, beside the event loop."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that the engine has.

    Attributes:
        name: as it was asked for.
        id: the engine's content id (`sha256:...`).
        digest: repository digest, empty for an image that was built or loaded here.
    """

    name: str
    id: str
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container as a benchmark wants it; whatever is not named here it does not get.

    Attributes:
        image: name or id.
        instance, role: labels, for people and for sweeping (`agent`, `grade`).
        workdir: where commands run.
        network: whether it may reach a network; without, there is none at all.
        lease: seconds after which nobody needs it any more; its own main process ends then.
        cpus, memory, pids, disk: limits; memory and disk in bytes, 0 leaves a limit to the settings.
        exact: its work needs all of the limits that it names: an engine with less refuses the container instead of
            making it smaller.
    """

    image: str
    instance: str
    role: str
    workdir: str = "/"
    network: bool = False
    lease: int = 3600
    cpus: float = 0.0
    memory: int = 0
    pids: int = 0
    disk: int = 0
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What a command did.

    Attributes:
        exit_code: None when it did not end by itself.
        output: standard output and error as they came, head and tail when it was too much.
        omitted: bytes left out in the middle.
        seconds: how long it took.
        stopped: why it did not end by itself: `deadline`, or `disk` when the container wrote more than it may.
    """

    exit_code: int | None
    output: bytes
    omitted: int = 0
    seconds: float = 0.0
    stopped: Literal["", "deadline", "disk"] = ""

    @property
    def timed_out(self) -> bool:
        """Whether the deadline stopped it."""
        return self.stopped == "deadline"


class Container(Protocol):
    """A running container of ours."""

    id: str
    image: Image

    async def run(
        self,
        command: str,
        *,
        deadline: float,
        limit: int = 65536,
        workdir: str = "",
        env: Mapping[str, str] | None = None,
    ) -> Executed:
        """Run a bash command to its end or to the deadline; then everything in the container is killed.

        What it started in the background goes on when it ends by itself. The container cannot be ended from inside
        by killing processes; when it is gone, the engine or its memory limit did it.

        Args:
            command: for `bash -c`.
            deadline: seconds.
            limit: bytes of output that are kept.
            workdir: instead of the container's.
            env: variables of the command.

        Raises:
            SandboxError: the container or the engine is gone; never the command's own failure.
        """
        ...

    async def put(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Write a file, without any bind. Raises SandboxError."""
        ...

    async def get(self, path: str, *, limit: int) -> bytes:
        """Read a regular file of at most `limit` bytes. Raises SandboxError."""
        ...


class Sandbox(Protocol):
    """Nested containers; only benchmarks that run code ask for one.

    Attributes:
        places: containers that can run at the same time.
    """

    places: int

    async def image(self, name: str) -> Image:
        """Have an image, by the settings' pull policy and mirror. Raises SandboxError."""
        ...

    async def build(self, name: str, files: Mapping[str, bytes], arguments: Mapping[str, str]) -> Image:
        """Build an image from a Dockerfile and files in memory, unless the engine has it. Raises SandboxError."""
        ...

    async def release(self, name: str) -> None:
        """Say that an image is not needed any more; it goes when disk is short and it was pulled by this run."""
        ...

    def container(self, spec: ContainerSpec) -> AbstractAsyncContextManager[Container]:
        """A started container, gone at the end whatever happens; waits for a free place on the engine.

        Raises:
            SandboxError: the engine does not start it, or has less than it needs (`ContainerSpec.exact`).
        """
        ...


class RunJournal(Protocol):
    """The journal of a run, as an export reads it (`kvv_action.journal.reading`)."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    def judged(self, benchmark: str = "") -> Iterator[Judged]:
        """Every result in the order of the lines; of one benchmark, if named. Raises JournalError."""
        ...

    def span(self) -> tuple[float, float]:
        """When the run began, and when its last result came, in seconds since the epoch."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSource:
    """One benchmark of a run, as the files beside the reports are made from it.

    Attributes:
        samples: reads those that were asked, in the order of the plan.
        redactor: removes secrets; everything that is written goes through it.
    """

    journal: RunJournal
    plan: RunPlan
    planned: PlannedBenchmark
    samples: Callable[[], Iterator[Sample]]
    redactor: Redactor


class Benchmark(Protocol):
    """Everything that differs from one benchmark to the next; `BenchmarkBase` has what most have in common.

    Attributes:
        id, title, version: a word of small letters, digits, `_` and `-`; a name for people; changes with what is asked.
        metric: name of the score, as the field calls it (`pass@1`).
        gates: asked first; when one of its samples fails, nothing else is asked.
        pin: its data; None when there is no dataset.
        aggregate: name of the rule that makes the score: of `kvv_action.statistics.aggregates`, or of `score_rules`.
        against: what answers are compared with, as name and digest; known once samples were read, empty for most.
        exact: every answer must be right, whatever the reference (a self-test).
        notes: what a reader of the result should know, such as what was left out; known once samples were read.
        facts: what a rule must know that judges all answers together (`score_rule.Aggregate.together`), as JSON that
            the plan keeps; known once samples were read, empty for most.
        sandboxed: works in containers; without an engine it is skipped, and says so.
        together: samples of a category share something costly (layers of an image), so that shards keep them together.
        chained: samples of a cluster begin with the same long prompt. They are asked one after another, for a prefix
            cache, and shards never divide them.
        published_fits: what is asked is what the profile's published score is about.
        published_decides: a verdict may rest on the published score; else it is told, and only a run or a pack decides.
        comparable: its scores can be compared with those of a reference at all.
        alone: asked after all others, with nothing else under way.
        typical: how long its answers usually are.
    """

    id: str
    title: str
    version: str
    metric: str
    kind: BenchmarkKind
    gates: bool
    pin: DatasetPin | None
    aggregate: str
    against: str
    exact: bool
    notes: tuple[str, ...]
    facts: Mapping[str, Json]
    sandboxed: bool
    together: bool
    chained: bool
    published_fits: bool
    published_decides: bool
    comparable: bool
    alone: bool
    typical: Typical

    @property
    def varies(self) -> bool:
        """Whether samples can be put another way."""
        ...

    def unfit(self, profile: Profile, today: str) -> Iterator[Problem]:
        """What keeps it from being asked of a model on a day (YYYY-MM-DD); told before anything is sent."""
        ...

    def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
        """All samples in the order of the dataset (`rows` is None when there is no dataset)."""
        ...

    def outline(self, sample: Sample) -> Outline:
        """What this sample is asked, as far as it is known before; sends nothing."""
        ...

    def vary(self, sample: Sample, draw: Random) -> Sample | None:
        """The same task in other words or another order, equally hard; asked only where it `varies`.

        Args:
            sample: as `samples` gives it.
            draw: chooses; the same for the same seed and sample.

        Returns:
            The sample with the same id and category, whose input and target fit each other, and which says how it
            differs (`Sample.variation`); None where nothing can be changed without changing the task.
        """
        ...

    async def solve(self, sample: Sample, generate: Generate, sandbox: Sandbox | None) -> None:
        """Ask everything this sample needs."""
        ...

    async def score(self, sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        """Judge the journaled answers of one sample in one epoch, in the order of their calls.

        Raises:
            Undecided: nothing can be said.
            ScoringError: the scorer broke.
        """
        ...

    def exemplar(self, sample: Sample, messages: Sequence[Message]) -> Answer | None:
        """What an ideal vendor answers to this conversation; None leaves it to the vendor's own rules."""
        ...

    def opening(self, sample: Sample) -> Sequence[Message] | None:
        """The messages that open this sample's conversation, by which the embedded vendor knows it."""
        ...

    async def export(self, out: Path, source: ExportSource) -> None:
        """Write further files beside the reports; their names fit the patterns of `extras`."""
        ...

    async def aclose(self) -> None:
        """Release workers."""
        ...


class BenchmarkBase:
    """What most benchmarks have in common. A class attribute says what holds for all instances of a benchmark.

    Attributes:
        options: the class of its own options; an instance of it is the second argument of `__init__`.
        compares: answers are compared with those of a reference: it asks a live one (`reference-base-url`), and reads
            files of answers itself (`reference`).
        judged: another model judges its answers (`judge-base-url`).
        extras: patterns of the files that `export` writes, below the run's folder.
        rules: how it is asked of a model whose profile does not know it; None asks it only where a profile does.
        causes: what it can name as the cause of a wrong answer.
        score_rules: rules by which scores come from answers, besides those of the engine, by name.
    """

    id: str
    title: str
    metric: str
    kind: BenchmarkKind
    gates: bool = False
    pin: DatasetPin | None = None
    aggregate: str = "mean"
    against: str = ""
    exact: bool = False
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Json] = MappingProxyType({})
    sandboxed: bool = False
    together: bool = False
    chained: bool = False
    published_fits: bool = True
    published_decides: bool = True
    comparable: bool = True
    alone: bool = False
    typical: Typical = ASSUMED
    options: type[BenchmarkOptions] = BenchmarkOptions
    compares: bool = False
    judged: bool = False
    extras: tuple[str, ...] = ()
    rules: BenchmarkRules | None = None
    causes: tuple[Cause, ...] = ()
    score_rules: Mapping[str, Aggregate] = MappingProxyType({})

    def __init__(self, options: Options, own: Any) -> None:
        """Make an instance for a run.

        Args:
            options: what every benchmark may need.
            own: an instance of `self.options`.
        """

    def unfit(self, profile: Profile, today: str) -> Iterator[Problem]:
        """Nothing does."""
        del profile, today
        return iter(())

    @classmethod
    def pins(cls) -> Sequence[DatasetPin]:
        """The data that it can be asked with, the default first."""
        return () if cls.pin is None else (cls.pin,)

    def opening(self, sample: Sample) -> Sequence[Message] | None:
        """None: the embedded vendor answers by its own rules."""
        del sample
        return None

    def outline(self, sample: Sample) -> Outline:
        """The opening, once."""
        return Outline(requests=(Request(messages=self.opening(sample) or ()),))

    @property
    def varies(self) -> bool:
        """Whether its class says how: it has a `vary` of its own."""
        return type(self).vary is not BenchmarkBase.vary

    def vary(self, sample: Sample, draw: Random) -> Sample | None:
        """Nothing can be changed."""
        del sample, draw
        return None

    async def solve(self, sample: Sample, generate: Generate, sandbox: Sandbox | None) -> None:
        """The requests of the outline, one after the other."""
        del sandbox
        for request in self.outline(sample).requests:
            await generate(request)

    async def export(self, out: Path, source: ExportSource) -> None:
        """No further files."""

    async def aclose(self) -> None:
        """Nothing to release."""


class Client(Protocol):
    """Sends bytes, hands back whole answers."""

    async def complete(
        self, content: bytes, *, stream: bool, path: str = CHAT, tries: int = 0, may_crash: bool = False
    ) -> Completion:
        """Post one body.

        Args:
            content: the JSON body, exactly as it will go out.
            stream: whether the body asks for an event stream.
            path: below the base URL, `chat/completions` or `completions`.
            tries: HTTP tries at most when each of them crashed the server; 0 follows the settings.
            may_crash: when it crashes the server, that alone does not show that the endpoint is down.

        Raises:
            EndpointError: no usable answer after the retries.
            RunStopped: the endpoint refuses the key or is plainly down.
        """
        ...

    async def fetch(
        self, path: str, content: bytes | None = None, *, tries: int = 0, may_crash: bool = False
    ) -> Completion:
        """Get something else below the base URL, or post `content` there; the body, cut to size, is the content.

        Raises:
            EndpointError, RunStopped: as above.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """An answer that was judged, or not, as observers see it."""

    benchmark: str
    sample: str
    epoch: int
    result: Score | SampleFailure


class Observer(Protocol):
    """Watches a run; must not slow it down."""

    def started(self, benchmark: str, planned: int, resumed: int) -> None:
        """A benchmark begins: `planned` answers, of which `resumed` were in the journal."""
        ...

    def finished(self, event: Finished) -> None:
        """One sample in one epoch is done."""
        ...

    def state(self, message: str) -> None:
        """The run changed state (gate closed, stopping, interrupted)."""
        ...

    def tick(self) -> None:
        """A second went by."""
        ...
