"""What a cause is: one sentence, what to do about it, and which other symptoms it explains.

Each part of the product declares the causes that it can find; the ids are stable and unique. Reports lead with the
cause that explains most; `docs/causes.md` has a section for each.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

REPOSITORY, PAGE = "moonshot/kvv-action", "docs/causes.md"
"""Where every cause has a section, whose anchor is its id."""
_BLANK = re.compile(r"\{([a-z]*)(?::[^}]*)?\}")
"""What only a run knows of a sentence."""
_BEFORE_OPTION = re.compile(" (?=--)")
_OF_THE_MODEL = re.compile(r"(--[\w-]+) NAME\b")
"""An option of an engine whose value only the model's profile can know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that can be wrong with a deployment.

    Attributes:
        id: stable name in lower case with hyphens; also the anchor of its section in `docs/causes.md`.
        sentence: what is wrong, in one sentence for a person who sees it first at two in the morning; `{name}` stands
            for what only a run knows.
        remedy: what to do, in one sentence.
        switches: the exact option or setting that mends it, by the name of the engine or gateway. `--option NAME`
            stands for a value that each model has of its own (`of_model`).
        explains: ids of causes that are only symptoms of this one, where it is found.
        symptom_of: the reverse: ids of causes of which this one is only a symptom, where they are found.
        seldom_shown: most answers that it damages do not show it, so that it explains also what others show.
    """

    id: str
    sentence: str
    remedy: str
    switches: Mapping[str, str] = field(default_factory=dict, hash=False)
    explains: tuple[str, ...] = ()
    symptom_of: tuple[str, ...] = ()
    seldom_shown: bool = False


def id_of_sentence(sentence: str) -> str:
    """The stable name of a cause that is declared by its sentence alone: its words, without what follows a colon."""
    words = re.sub(r"[^a-z0-9]+", "-", sentence.partition(": ")[0].lower())
    return words.strip("-")[:80]


def named(sentence: str, remedy: str, **facts: Mapping[str, str] | tuple[str, ...] | bool) -> Cause:
    """A cause with the name that its sentence gives it; `facts` are further attributes."""
    return Cause(id=id_of_sentence(sentence), sentence=sentence, remedy=remedy, **facts)  # type: ignore[arg-type]


def in_general(sentence: str, **known: str) -> str:
    """The sentence of a cause without what only its run knows.

    Args:
        sentence: of the cause.
        known: what can be filled into it.
    """
    head, _, tail = sentence.partition(": ")
    kept = head if set(_BLANK.findall(tail)) - known.keys() else sentence
    return _BLANK.sub(lambda blank: known.get(blank[1], "…"), kept)


def of_model(switches: Mapping[str, str], options: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The switches of a cause for one model; an option whose value is not known stays as it is.

    Args:
        switches: by engine or gateway.
        options: by engine, the values that the model's profile names.
    """

    def told(engine: str, switch: str) -> str:
        known = options.get(engine, {})
        return _OF_THE_MODEL.sub(lambda one: f"{one[1]} {known[one[1]]}" if one[1] in known else one[0], switch)

    return {engine: told(engine, switch) for engine, switch in switches.items()}


class CauseRegistry:
    """Causes by id, in the order in which they were declared.

    Raises:
        ValueError: two sentences have one id; or, where it is `closed`, an id that a cause names belongs to none.
    """

    def __init__(self, causes: Iterable[Cause], *, closed: bool = False) -> None:
        self._by_id: dict[str, Cause] = {}
        for cause in causes:
            if self._by_id.setdefault(cause.id, cause).sentence != cause.sentence:
                raise ValueError(f"two sentences are called {cause.id!r}")
        self._explains: dict[str, set[str]] = {name: set(cause.explains) for name, cause in self._by_id.items()}
        for name, cause in self._by_id.items():
            for other in cause.symptom_of:
                self._explains.setdefault(other, set()).add(name)
        unknown = {name for own, others in self._explains.items() for name in (own, *others)} - self._by_id.keys()
        if closed and unknown:
            raise ValueError(f"no cause is called {', '.join(sorted(unknown))}")
        self._by_sentence = {in_general(cause.sentence): cause.id for cause in self}
        self._ranks = {name: rank for rank, name in enumerate(self._by_id)}
        self._templates = [
            (re.compile(re.sub(r"\\\{[^}]*\}", ".*", re.escape(cause.sentence)), re.DOTALL), cause)
            for cause in self
            if "{" in cause.sentence
        ]

    def __iter__(self) -> Iterator[Cause]:
        return iter(self._by_id.values())

    def get(self, cause_id: str) -> Cause | None:
        """The cause with this id; None for one that is not known here."""
        return self._by_id.get(cause_id)

    def id_of(self, sentence: str) -> str:
        """The id of the cause that says this sentence, with or without what a run filled in."""
        name = self._by_sentence.get(sentence) or id_of_sentence(sentence)
        if name in self._by_id:
            return name
        return next((cause.id for pattern, cause in self._templates if pattern.fullmatch(sentence)), name)

    def explains(self, cause_id: str, other: str) -> bool:
        """Whether the second is a symptom of the first, where both are found."""
        return other in self._explains.get(cause_id, ())

    def symptoms(self, cause_id: str) -> list[str]:
        """Everything that a cause explains, in the order of declaration."""
        return sorted(self._explains.get(cause_id, ()), key=self.rank)

    def rank(self, cause_id: str) -> int:
        """Its place in the order of declaration; what is not known comes last."""
        return self._ranks.get(cause_id, len(self._ranks))


CALL_PARSER: Mapping[str, str] = {
    "vLLM": "--enable-auto-tool-choice --tool-call-parser NAME",
    "SGLang": "--tool-call-parser NAME",
    "TensorRT-LLM": "--tool_parser NAME",
    "llama.cpp": "--jinja --chat-template-file NAME",
}
REASONING_PARSER: Mapping[str, str] = {
    "vLLM": "--reasoning-parser NAME",
    "SGLang": "--reasoning-parser NAME",
    "TensorRT-LLM": "--reasoning_parser NAME",
    "llama.cpp": "--jinja --reasoning-format auto",
}
BOTH_PARSERS: Mapping[str, str] = {
    engine: " ".join(dict.fromkeys(_BEFORE_OPTION.split(f"{CALL_PARSER[engine]} {REASONING_PARSER[engine]}")))
    for engine in CALL_PARSER
}
"""What tells an engine how a model writes tool calls, and its thinking."""

CauseSource = Callable[[], Iterable[Cause]]
_OFFERED: dict[str, CauseSource] = {}


def offer(owner: str, causes: CauseSource) -> None:
    """Say where the causes of a benchmark are; they are read when a report needs them.

    Args:
        owner: id of the benchmark.
        causes: imports and lists them.
    """
    _OFFERED[owner] = causes


def offered(owner: str) -> Iterable[Cause]:
    """The causes of a benchmark; none where nobody offers any."""
    return _OFFERED[owner]() if owner in _OFFERED else ()
