"""Tells from the prompt tokens of many requests what an endpoint's chat template does, never from one request alone.

The counts of every known way to render a prompt are computed, for each request; the way (or the ways together) that
explains all of the endpoint's counts up to one constant is the diagnosis. Where none does, what is left over decides:
a system prompt of the template's own stands only where the request has none, another template makes each message
dearer, a part that is written in another way makes only the requests dearer that have it, and a tokenizer gives the
same conversation the same difference each time.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from benchmarks.precheck.causes import PROMPT_MISCOUNTED, ProbeCause
from kvv_action.profiles.prompt import CHANNEL, CHOICES, Share
from kvv_action.profiles.token_cases import STOPPED, TokenCase, TokenCases
from kvv_action.schema import Message

# fmt: off
NEVER_THINKS = ProbeCause("every prompt is rendered as one without thinking",
    "pass thinking and its effort on to the chat template: reasoning_effort at top level, thinking.effort, or "
    "chat_template_kwargs")
EFFORT_UNRENDERED = ProbeCause("the note about the thinking effort is not in the prompt",
    "render the system message of type thinking-effort: without it the model does not know how hard to think")
EFFORT_FIXED = ProbeCause("the prompt names the same thinking effort whatever is asked",
    "pass reasoning_effort on to the chat template: low, high and max must be rendered as they are asked")
OFF_UNRENDERED = ProbeCause("prompts without thinking are rendered as those with thinking",
    "pass reasoning_effort none, thinking disabled or chat_template_kwargs on to the chat template")
EFFORT_REWORDED = ProbeCause("the note about the thinking effort is another text than the model's",
    "take the chat template from the model's own repository: the note names the effort in fixed words")
OWN_SYSTEM_PROMPT = ProbeCause("a system prompt is added where the request has none",
    "take the default system prompt out of the chat template or the gateway: the model's own template has none")
OTHER_TEMPLATE = ProbeCause(
    "every message costs a constant number of tokens more or less than in the model's chat template",
    "use the chat template that lies beside this model's weights; that of an earlier model frames messages in "
    "another way")
GENERATION_PREFIX = ProbeCause("prompt tokens include the generation prefix (+3)",
    "nothing is wrong with the answers; to match the official count, leave out the assistant's opening tokens")
CONSTANT_OFFSET = ProbeCause("a constant number of tokens is added to every prompt, or missing from it",
    "look for a default system prompt, an effort note or a template that is not the model's own")
TOKENIZER_DIFFERS = ProbeCause("the endpoint does not count with the model's tokenizer",
    "load the tokenizer from the model's own repository, split pattern included")
# fmt: on


def _unrendered(what: str, remedy: str) -> ProbeCause:
    return ProbeCause(cause=f"{what} not in the prompt", remedy=remedy)


DROPPED: Mapping[Share, ProbeCause] = {
    Share.TOOLS: _unrendered("tools of the request are", "render `tools` in the chat template (type tool-declare)"),
    Share.DYNAMIC_TOOLS: _unrendered(
        "tools of system messages are", "render `tools` of system messages where they stand (type tool-declare)"
    ),
    Share.CHOICE: _unrendered("tool_choice is", "hand tool_choice to the chat template: required and none are told"),
    Share.FORMAT: _unrendered("response_format is", "hand response_format and its schema to the chat template"),
    Share.THOUGHTS: _unrendered(
        "thoughts of earlier answers are",
        "render reasoning_content of the history; an answer without any has an empty block while the model thinks",
    ),
    Share.CALLS: _unrendered("calls of earlier answers are", "render tool_calls of the history in the chat template"),
}
"""Parts of a request that a template may leave out."""

PARTS: Mapping[Share, str] = {
    Share.TOOLS: "tools of the request",
    Share.DYNAMIC_TOOLS: "tools of system messages",
    Share.CHOICE: "tool_choice",
    Share.FORMAT: "response_format",
    Share.THOUGHTS: "thoughts of earlier answers",
    Share.CALLS: "calls of earlier answers",
    Share.EFFORT: "the note about the thinking effort",
}
"""How a part is named; also the parts that a template may write twice."""
DOUBLED: Mapping[Share, ProbeCause] = {
    share: ProbeCause(
        cause=f"twice in the prompt: {name}",
        remedy="let either the gateway or the chat template write it, not both",
    )
    for share, name in PARTS.items()
}
REWRITTEN: Mapping[Share, ProbeCause] = {
    share: ProbeCause(
        cause=f"written into the prompt in another way than the model's chat template does: {name}",
        remedy="take the chat template from the model's own repository, and hand it the request's JSON unchanged: "
        "order of keys, spaces and escapes count",
    )
    for share, name in PARTS.items()
    if share is not Share.EFFORT
}

SYSTEM_DROPPED = _unrendered("system messages are", "render messages of role system wherever they stand in the history")
RESULTS_DROPPED = _unrendered("results of tools are", "render messages of role tool, tied to the calls before them")


def _no_system(messages: Sequence[Message]) -> Sequence[Message]:
    return [message for message in messages if message["role"] != "system" or message.get("tools")]


def _no_results(messages: Sequence[Message]) -> Sequence[Message]:
    return [message for message in messages if message["role"] != "tool"]


SHORTENED: Mapping[ProbeCause, Callable[[Sequence[Message]], Sequence[Message]]] = {
    SYSTEM_DROPPED: _no_system,
    RESULTS_DROPPED: _no_results,
}
"""Whole messages that do not reach the template, and what is left of a conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedCase:
    """A case and the tokens that an endpoint counted for it."""

    case: TokenCase
    tokens: int

    @property
    def difference(self) -> int:
        """How many tokens more than expected."""
        return self.tokens - self.case.expected

    @property
    def accepted(self) -> bool:
        """Whether it is what is expected, or up to the tokens of the answer's channel more."""
        return 0 <= self.difference <= CHANNEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What explains the counts: causes, none when nothing is wrong, and the constant that is left."""

    causes: tuple[ProbeCause, ...] = ()
    constant: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rendering:
    """One way to tell the template about thinking: how a case's own wish is changed.

    Attributes:
        stopped: what becomes of a case that asks for no thinking: the effort at which it is rendered all the same.
    """

    causes: tuple[ProbeCause, ...] = ()
    thinking: bool | None = None
    effort: str | None = None
    stopped: str = ""

    def of(self, case: TokenCase, cases: TokenCases) -> Mapping[Share, int]:
        thinking = case.thinking if self.thinking is None else self.thinking
        effort = case.effort if self.effort is None else self.effort
        if self.stopped and not case.thinking:
            thinking, effort = True, self.stopped
        return cases.shares(case.body, thinking=thinking, effort=effort)


_KEPT = _Rendering()
_OFF_IGNORED = tuple(_Rendering(causes=(OFF_UNRENDERED,), stopped=effort) for effort in ("max", "low"))
_RENDERINGS = (
    _KEPT,
    _Rendering(causes=(EFFORT_FIXED,), effort="max"),
    _Rendering(causes=(EFFORT_FIXED,), effort="low"),
    _Rendering(causes=(EFFORT_UNRENDERED,), effort=""),
    _Rendering(causes=(NEVER_THINKS,), thinking=False),
    *_OFF_IGNORED,
    *(_Rendering(causes=(EFFORT_FIXED, OFF_UNRENDERED), effort=one, stopped=one) for one in ("max", "low")),
)


def pattern_of(seen: Sequence[CountedCase], cases: TokenCases) -> Pattern:
    """The simplest explanation of all counts; there is at least one."""
    differences = {one.difference for one in seen}
    if len(differences) == 1:
        return Pattern(constant=differences.pop())
    ways = (*_explanations(seen, cases), _Explained(causes=(), left=tuple(one.difference for one in seen)))
    for explain in (_rendered, partial(_shortened, cases), _grouped, _by_message, _rewritten):
        if found := list(explain(seen, ways)):
            return min(found, key=lambda pattern: (len(pattern.causes), abs(pattern.constant)))
    if all(one.accepted for one in seen):
        return Pattern()
    return Pattern(causes=(TOKENIZER_DIFFERS if _by_text(seen) else PROMPT_MISCOUNTED,))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explained:
    """Counts less what some ways to render explain of them: the causes, and what is left of each case."""

    causes: tuple[ProbeCause, ...]
    left: tuple[int, ...]


def _explanations(seen: Sequence[CountedCase], cases: TokenCases) -> Iterator[_Explained]:
    """Every way to ask for thinking, with parts that are left out, and at most one that is there twice."""
    subsets = [dropped for size in range(len(DROPPED) + 1) for dropped in combinations(DROPPED, size)]
    for rendering in _RENDERINGS if cases.rendered else ():
        shares = [rendering.of(one.case, cases) for one in seen]
        for dropped in subsets:
            left = tuple(
                one.tokens - sum(count for share, count in parts.items() if share not in dropped)
                for one, parts in zip(seen, shares, strict=True)
            )
            causes = (*rendering.causes, *(DROPPED[share] for share in dropped))
            yield _Explained(causes=causes, left=left)
            for share in PARTS.keys() - set(dropped):
                less = tuple(tokens - parts.get(share, 0) for tokens, parts in zip(left, shares, strict=True))
                yield _Explained(causes=(*causes, DOUBLED[share]), left=less)


def _rendered(_: Sequence[CountedCase], ways: Sequence[_Explained]) -> Iterator[Pattern]:
    """Ways to render that leave the same constant everywhere."""
    for found in ways:
        if len(set(found.left)) == 1:
            yield Pattern(causes=found.causes, constant=found.left[0])


def _shortened(cases: TokenCases, seen: Sequence[CountedCase], _: Sequence[_Explained]) -> Iterator[Pattern]:
    """Messages that are left out of every conversation, where all else is rendered as it should be."""
    for cause, rest in SHORTENED.items() if cases.rendered else ():
        with suppress(KeyError):  # what is left is a text that was never counted
            left = {one.tokens - _size(one.case, cases, rest) for one in seen}
            if len(left) == 1:
                yield Pattern(causes=(cause,), constant=left.pop())


def _size(case: TokenCase, cases: TokenCases, rest: Callable[[Sequence[Message]], Sequence[Message]]) -> int:
    """Tokens of the prompt with the rest of its messages."""
    body = {**case.body, "messages": list(rest(case.body["messages"]))}
    return cases.shares(body, thinking=case.thinking, effort=case.effort).total()


def _grouped(seen: Sequence[CountedCase], ways: Sequence[_Explained]) -> Iterator[Pattern]:
    """Ways to render that leave one constant without a system message and another with one, or one for each effort."""
    alone = [_has_no_system_message(one.case) for one in seen]
    efforts = [one.case.effort for one in seen]
    for found in ways:
        if (groups := _constants(alone, found.left)) and groups.get(True, 0) > groups.get(False, 0):
            yield Pattern(causes=(*found.causes, OWN_SYSTEM_PROMPT), constant=groups.get(False, 0))
        if groups := _constants(efforts, found.left):
            yield Pattern(causes=(*found.causes, EFFORT_REWORDED), constant=groups.get(STOPPED, 0))


def _has_no_system_message(case: TokenCase) -> bool:
    return not any(message["role"] == "system" for message in case.body["messages"])


def _constants(keys: Sequence[Hashable], left: Sequence[int], several: int = 2) -> dict[Hashable, int]:
    """What is left by group; empty unless there are several groups, each of `several` cases that have the same left."""
    groups: dict[Hashable, set[int]] = {}
    for key, count in zip(keys, left, strict=True):
        groups.setdefault(key, set()).add(count)
    enough = len(groups) > 1 and all(keys.count(key) >= several for key in groups)
    if not enough or any(len(found) > 1 for found in groups.values()):
        return {}
    return {key: found.pop() for key, found in groups.items()}


def _by_message(seen: Sequence[CountedCase], ways: Sequence[_Explained]) -> Iterator[Pattern]:
    """Ways to render that leave so many tokens for each message, and one constant."""
    sizes = [len(one.case.body["messages"]) for one in seen]
    if len(set(sizes)) < FEWEST:
        return
    for found in ways:
        if (groups := _constants(sizes, found.left, several=1)) and (line := _line(groups)):
            yield Pattern(causes=(*found.causes, OTHER_TEMPLATE), constant=line)


FEWEST = 3
"""Sizes of conversations, and requests with a part, by which a rule can be told from chance."""


def _line(groups: Mapping[Hashable, int]) -> int | None:
    """How many tokens each message costs, where that is the same for all sizes; None where it is not, or is nothing."""
    points = sorted((int(str(size)), left) for size, left in groups.items())
    (first, low), (last, high) = points[0], points[-1]
    each, rest = divmod(high - low, last - first)
    fits = not rest and all(left - low == each * (size - first) for size, left in points)
    return each if fits and each else None


def _rewritten(seen: Sequence[CountedCase], _: Sequence[_Explained]) -> Iterator[Pattern]:
    """The rarest part of requests that all cases with another difference have in common."""
    usual = {share: _usual(seen, share) for share in REWRITTEN}
    sizes = {share: sum(_has(one.case, share) for one in seen) for share, known in usual.items() if known is not None}
    if sizes:
        share = min(sizes, key=lambda one: sizes[one])
        yield Pattern(causes=(REWRITTEN[share],), constant=usual[share] or 0)


def _usual(seen: Sequence[CountedCase], share: Share) -> int | None:
    """The one difference of all cases without a part, where enough of those with it differ; else None."""
    without = {one.difference for one in seen if not _has(one.case, share)}
    if len(without) != 1:
        return None
    (usual,) = without
    other = [one for one in seen if _has(one.case, share) and one.difference != usual]
    plain = len(seen) - sum(_has(one.case, share) for one in seen)
    return usual if len(other) >= FEWEST - 1 and plain >= FEWEST else None


def _has(case: TokenCase, share: Share) -> bool:
    """Whether a part is in the request."""
    body, messages = case.body, case.body["messages"]
    match share:
        case Share.TOOLS:
            return bool(body.get("tools"))
        case Share.DYNAMIC_TOOLS:
            return any(message.get("tools") for message in messages)
        case Share.CHOICE:
            return body.get("tool_choice") in CHOICES
        case Share.FORMAT:
            wanted = body.get("response_format")
            return isinstance(wanted, Mapping) and wanted.get("type") in ("json_object", "json_schema")
        case Share.CALLS:
            return any(message.get("tool_calls") for message in messages)
        case _:
            return any(message["role"] == "assistant" for message in messages)


def _by_text(seen: Sequence[CountedCase]) -> bool:
    """Whether the difference follows from the conversation: wherever it is the same, so is the difference."""
    differences: dict[str, set[int]] = {}
    for one in seen:
        differences.setdefault(str(one.case.body["messages"]), set()).add(one.difference)
    return all(len(found) == 1 for found in differences.values())
