"""Tells from the prompt tokens of many requests what an endpoint's chat template does, never from one request alone.

The counts of every known way to render a prompt are computed, for each request; the way (or the ways together) that
explains all of the endpoint's counts up to one constant is the diagnosis. Where none does, what is left over decides:
a tokenizer gives the same conversation the same difference each time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from benchmarks.precheck.causes import PROMPT_MISCOUNTED, ProbeCause
from kvv_action.profiles.prompt import CHANNEL, Share
from kvv_action.profiles.token_cases import TokenCase, TokenCases

NEVER_THINKS = ProbeCause(
    cause="every prompt is rendered as one without thinking",
    remedy="pass thinking and its effort on to the chat template: reasoning_effort at top level, thinking.effort, or "
    "chat_template_kwargs",
)
EFFORT_UNRENDERED = ProbeCause(
    cause="the note about the thinking effort is not in the prompt",
    remedy="render the system message of type thinking-effort: without it the model does not know how hard to think",
)
EFFORT_FIXED = ProbeCause(
    cause="the prompt names the same thinking effort whatever is asked",
    remedy="pass reasoning_effort on to the chat template: low, high and max must be rendered as they are asked",
)
GENERATION_PREFIX = ProbeCause(
    cause="prompt tokens include the generation prefix (+3)",
    remedy="nothing is wrong with the answers; to match the official count, leave out the assistant's opening tokens",
)
CONSTANT_OFFSET = ProbeCause(
    cause="a constant number of tokens is added to every prompt, or missing from it",
    remedy="look for a default system prompt, an effort note or a template that is not the model's own",
)
TOKENIZER_DIFFERS = ProbeCause(
    cause="the endpoint does not count with the model's tokenizer",
    remedy="load tiktoken.model and tokenization_kimi.py from the model's own repository, split pattern included",
)


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
}
"""Parts of a request that a template may leave out."""


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
    """One way to tell the template about thinking: how a case's own wish is changed."""

    cause: ProbeCause | None = None
    thinking: bool | None = None
    effort: str | None = None

    def of(self, case: TokenCase, cases: TokenCases) -> Mapping[Share, int]:
        thinking = case.thinking if self.thinking is None else self.thinking
        effort = case.effort if self.effort is None else self.effort
        return cases.shares(case.body, thinking=thinking, effort=effort)


_RENDERINGS = (
    _Rendering(),
    _Rendering(cause=EFFORT_FIXED, effort="max"),
    _Rendering(cause=EFFORT_FIXED, effort="low"),
    _Rendering(cause=EFFORT_UNRENDERED, effort=""),
    _Rendering(cause=NEVER_THINKS, thinking=False),
)


def pattern_of(seen: Sequence[CountedCase], cases: TokenCases) -> Pattern:
    """The simplest explanation of all counts; there is at least one."""
    found = list(_explanations(seen, cases))
    if found:
        return min(found, key=lambda pattern: (len(pattern.causes), abs(pattern.constant)))
    if all(one.accepted for one in seen):
        return Pattern()
    return Pattern(causes=(TOKENIZER_DIFFERS if _by_text(seen) else PROMPT_MISCOUNTED,))


def _explanations(seen: Sequence[CountedCase], cases: TokenCases) -> Iterator[Pattern]:
    """Every way to render that leaves the same constant everywhere."""
    subsets = [dropped for size in range(len(DROPPED) + 1) for dropped in combinations(DROPPED, size)]
    for rendering in _RENDERINGS:
        shares = [rendering.of(one.case, cases) for one in seen]
        for dropped in subsets:
            left = {
                one.tokens - sum(count for share, count in parts.items() if share not in dropped)
                for one, parts in zip(seen, shares, strict=True)
            }
            if len(left) == 1:
                causes = (*((rendering.cause,) if rendering.cause else ()), *(DROPPED[share] for share in dropped))
                yield Pattern(causes=causes, constant=left.pop())


def _by_text(seen: Sequence[CountedCase]) -> bool:
    """Whether the difference follows from the conversation: wherever it is the same, so is the difference."""
    differences: dict[str, set[int]] = {}
    for one in seen:
        differences.setdefault(str(one.case.body["messages"]), set()).add(one.difference)
    return all(len(found) == 1 for found in differences.values())
