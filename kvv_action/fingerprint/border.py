"""Compares models without probabilities: by counts of the sampled next token at prompts between two tokens.

Where two tokens are about equally likely, a change of the model moves the counts most. Equal servers differ by chance
alone, so tokens of both can be dealt out again: a permutation test. It detects another model, template or temperature.
To detect a quantised model it needs thousands of samples, and every headline says so.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kvv_action.digits import small
from kvv_action.fingerprint.prefixes import Domain, Prefix
from kvv_action.schema import Thinking

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROMPTS = 16
"""Border prompts of a reference."""
PILOT = 12
"""Samples by which border prompts are found."""
ROUNDS = (40, 80, 160)
"""Samples of each prompt after which a candidate is judged; a difference ends the asking."""
ERROR = 0.001
"""Chance of a difference in one round, when there is none; over all rounds at most 0.3 %."""
DRAWS = 10_000
SEED = 20261129
"""Of the permutations, so that the same counts give the same answer."""
BLIND = (
    "Sampled tokens do not show quantisation, or anything else that moves probabilities little: that takes an endpoint "
    "that tells logprobs."
)
DOMAINS = (Domain.CHAT, Domain.CODE, Domain.MATHS, Domain.CHINESE)
"""Whose prompts are short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderPrompt:
    """One prompt, and what was sampled behind it.

    Attributes:
        counts: samples by the text of the first token.
        prompt_tokens: as the server counted them; None when it did not.
    """

    prefix: Prefix
    counts: Mapping[str, int]
    prompt_tokens: int | None = None

    @property
    def samples(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    @property
    def balance(self) -> float:
        """How evenly the two most frequent tokens share the samples: 0 for a single token, 1 for one half each."""
        first, second, *_ = [*sorted(self.counts.values(), reverse=True), 0, 0]
        return 4 * first * second / max(1, self.samples) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderSamples:
    """Samples of one server.

    Attributes:
        temperature, top_p: as they were sent; None left a field out.
        max_tokens: generated at most; of more than one the first characters count as the token.
        thinking: what the requests said about it.
    """

    vendor: str
    model: str
    profile: str
    started: int
    version: str
    temperature: float | None
    top_p: float | None
    max_tokens: int
    thinking: Thinking
    prompts: tuple[BorderPrompt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderJudgement:
    """Whether sampled tokens differ.

    Attributes:
        different: beyond chance.
        p: chance of such a difference, or a larger one, between equal servers.
        prompts, samples: compared, and tokens of the candidate at all of them.
        distance: mean over the prompts of the total variation between the counts; `by_chance` that of equal servers.
        another_prompt: prompts to which the server counted another number of prompt tokens.
        headline: the answer in a sentence, with what the test cannot see.
    """

    different: bool
    p: float
    prompts: int
    samples: int
    distance: float
    by_chance: float
    another_prompt: int
    headline: str


def border(prompts: Sequence[BorderPrompt], count: int = PROMPTS) -> list[BorderPrompt]:
    """The prompts that lie best between two tokens, in their order."""
    best = sorted(prompts, key=lambda one: -one.balance)[:count]
    return [one for one in prompts if one in best]


def judge_border(reference: Sequence[BorderPrompt], candidate: Sequence[BorderPrompt]) -> BorderJudgement:
    """Compare the samples of two servers at the prompts that both were asked. Pure."""
    theirs = {one.prefix.digest: one for one in candidate if one.samples}
    pairs = [(one, theirs[one.prefix.digest]) for one in reference if one.samples and one.prefix.digest in theirs]
    if not pairs:
        return BorderJudgement(
            different=False, p=1.0, prompts=0, samples=0, distance=0.0, by_chance=0.0, another_prompt=0,
            headline=f"Nothing could be compared: no prompt was answered by both. {BLIND}",
        )  # fmt: skip
    p, by_chance = _permuted(pairs)
    distance = sum(_variation(one.counts, other.counts) for one, other in pairs) / len(pairs)
    another = sum(None not in (one.prompt_tokens, other.prompt_tokens) and one.prompt_tokens != other.prompt_tokens
                  for one, other in pairs)  # fmt: skip
    samples = sum(other.samples for _, other in pairs)
    return BorderJudgement(
        different=p <= ERROR, p=p, prompts=len(pairs), samples=samples, distance=distance, by_chance=by_chance,
        another_prompt=another, headline=" ".join(_told(p, samples, len(pairs), another)),
    )  # fmt: skip


def _told(p: float, samples: int, prompts: int, another: int) -> Iterator[str]:
    where = f"{samples} sampled tokens at {prompts} prompts"
    if p <= ERROR:
        yield f"{where} differ from the reference's beyond chance (p = {small(p)})."
        yield "Another model, template or temperature answers."
    else:
        yield f"{where} differ from the reference's no more than chance explains (p = {small(p)})."
    if another:
        yield f"At {another} of them the prompt has another number of tokens than at the reference: another prompt."
    yield BLIND


def _variation(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """Total variation between two counts, 0..1."""
    first, second = sum(one.values()), sum(other.values())
    return sum(abs(one.get(token, 0) / first - other.get(token, 0) / second) for token in {*one, *other}) / 2


def _permuted(pairs: Sequence[tuple[BorderPrompt, BorderPrompt]]) -> tuple[float, float]:
    """Chance of such a sum of squared differences, and the mean total variation, when tokens are dealt out again.

    Within each prompt the tokens of both servers are exchangeable if the servers are equal (a permutation test within
    strata); squared differences of shares are the maximum mean discrepancy with Hamming's kernel (Gao, Liang, Guestrin
    2024, "Model Equality Testing", arXiv 2410.20247).
    """
    import numpy as np

    random = np.random.default_rng(SEED)
    seen, drawn, variations = 0.0, np.zeros(DRAWS), np.zeros(DRAWS)
    for one, other in pairs:
        pooled = Counter(one.counts) + Counter(other.counts)
        colors = np.array([pooled[token] for token in sorted(pooled)])
        mine = np.array([one.counts.get(token, 0) for token in sorted(pooled)])
        weight = one.samples * other.samples / (one.samples + other.samples)
        dealt = random.multivariate_hypergeometric(colors, one.samples, size=DRAWS, method="marginals")
        apart = _shares_apart(dealt, colors, one.samples, other.samples)
        seen += weight * float((_shares_apart(mine, colors, one.samples, other.samples) ** 2).sum())
        drawn += weight * (apart**2).sum(axis=1)
        variations += np.abs(apart).sum(axis=1) / 2
    p = (int(np.count_nonzero(drawn >= seen - 1e-9)) + 1) / (DRAWS + 1)
    return p, float(variations.mean()) / len(pairs)


def _shares_apart(mine: "NDArray[Any]", colors: "NDArray[Any]", size: int, others: int) -> "NDArray[Any]":
    """Difference of the shares of each token."""
    found: NDArray[Any] = mine / size - (colors - mine) / others
    return found
