"""Long prompts with three code words in them: whether all of a prompt reaches the model, or how it is refused.

The filler is words that nearly every tokenizer makes one token of, so that the size of a prompt is known within a few
per cent; for other tokenizers the profile says what a word costs (`word_tokens`). A prompt that fits into the profile's
window must be accepted, if the same with next to no filler is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.precheck.again import ProbeFinding, defect, judged, open_after, quoted, slip
from benchmarks.precheck.ask import ask, cap
from benchmarks.precheck.causes import BODY_LIMIT, NEEDLE_LOST, PROMPT_CUT, STATUS_WRONG, WINDOW_SMALL, ProbeCause
from benchmarks.precheck.picture import number
from benchmarks.precheck.probe import REFUSALS, Probe, broken, holds, informs, refused, weighed
from benchmarks.precheck.usage import answer_of, count_of
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Completion, Exchange, Rejection, Request, Score, Severity, Thinking

WORDS = "the sun is over the hill and the river runs down to the sea while we sit here "
LETTERS = "a b c d e f g h i j k l m n o p q r s t u v w x y z "
"""Fillers whose words are a token each; letters make the smaller body."""
ANIMALS = ("otter", "heron", "lynx")
PLACES = ("beginning", "middle", "end")
ORDINALS = ("first", "second", "third")
LEAST = 100
"""Tokens of the filler in the control."""
FITS = 0.92
"""Share of a window that a prompt may fill. The rest is room for tokenizers that make more tokens of the filler."""
EXCEEDS = 1.1
"""The same for a prompt that cannot fit."""
ARRIVED = 0.9
"""Share of the filler's tokens that must be counted."""
_LIMIT = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+|(?<![\d.])\d{3,8}(?![\d.])")
"""Numbers in a refusal, one of which is the limit."""
TOO_LONG = (*REFUSALS, 413)
"""Statuses that refuse a prompt for its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LongPrompt:
    """One prompt, its control, and what their answers mean.

    Attributes:
        tokens: of the filler.
        needles: the code words, in the order in which they stand in the prompt.
        control: the same with next to no filler.
        tries: how often it is asked at most while the model does not repeat every code word.
        fits: it fits into the profile's window.
    """

    tokens: int
    needles: tuple[str, ...]
    request: Request
    control: Request
    tries: int
    fits: bool

    def probe(self, name: str, tier: str) -> Probe:
        """The probe."""
        most = max(self.tries - 1, int(self.fits))
        then = self.then if most else None
        return Probe(id=name, requests=(self.request,), judge=self.judge, then=then, at_most=most, tier=tier)

    def then(self, exchanges: Sequence[Exchange]) -> Request | None:
        """The control after a refusal; the same again after an answer that leaves it open."""
        if exchanges[0].rejection is not None:
            return self.control if self.fits and len(exchanges) == 1 else None
        again = len(exchanges) < self.tries and open_after(self._look, exchanges[-1])
        return self.request if again else None

    def judge(self, exchanges: Sequence[Exchange]) -> Score:
        """Whether a prompt that fits was served, or one beyond the profile's window was refused.

        Raises:
            Undecided: it cannot be said.
        """
        if exchanges and exchanges[0].rejection is not None:
            return self._refused(exchanges) if self.fits else self._kept_out(exchanges[0])
        score = judged(self._look, exchanges)
        if self.fits or score.value < 1.0:
            return score
        return informs(f"a prompt beyond the profile's window of about {self.tokens} tokens is answered")

    def _refused(self, exchanges: Sequence[Exchange]) -> Score:
        if len(exchanges) < 2 or exchanges[1].completion is None:
            raise Undecided(f"a short prompt of the same form is not answered either ({refused(exchanges[0])})")
        rejection = exchanges[0].rejection
        assert rejection is not None
        cause = self._named(rejection) if rejection.status in REFUSALS else BODY_LIMIT
        size = len(str(self.request.messages[0]["content"]))
        explanation = f"a prompt of about {self.tokens} tokens ({size} characters) is refused: {refused(exchanges[0])}"
        return broken(explanation, cause, outcome="refused")

    def _named(self, rejection: Rejection) -> ProbeCause:
        """The cause with the limit that the endpoint names; its other words stand in the explanation."""
        named = (int(digits.replace(",", "")) for digits in _LIMIT.findall(f"{rejection.message} {rejection.body}"))
        limit = next((one for one in named if 1000 <= one <= self.tokens), None)
        return WINDOW_SMALL if limit is None else WINDOW_SMALL.seen(f"{limit} tokens")

    def _kept_out(self, exchange: Exchange) -> Score:
        said = f"a prompt of about {self.tokens} tokens, beyond the window, is refused: {refused(exchange)}"
        if exchange.rejection is not None and exchange.rejection.status in TOO_LONG:
            return holds(said)
        return weighed(broken(said, STATUS_WRONG), Severity.WARNING)

    def _look(self, exchange: Exchange) -> ProbeFinding | str:
        """Whether all of the prompt was counted, and every code word repeated.

        Raises:
            Undecided: there is no answer, or it was cut off and nothing was counted.
        """
        answer = answer_of(exchange)
        counted = count_of(answer, "prompt_tokens")
        lost = self._lost(answer)
        if counted and counted < ARRIVED * self.tokens:
            told = f"; {lost}" if lost else ""
            return defect(f"{counted} of about {self.tokens} prompt tokens were counted{told}", PROMPT_CUT)
        if not lost:
            return f"{counted} prompt tokens, every code word is repeated"
        if answer.finish_reason == "length":
            if not counted:
                raise Undecided("the answer was cut off at max_tokens before it could be judged")
            return f"{counted} prompt tokens; the answer was cut off before the code words"
        return slip(f"of {self.tokens} tokens {lost}: {quoted(answer.content)}", NEEDLE_LOST)

    def _lost(self, answer: Completion) -> str:
        """Which code words are missing, in words; empty when none is. A word in the thinking counts as read."""
        pairs, said = zip(PLACES, self.needles, strict=True), f"{answer.content}\n{answer.reasoning}"
        places = [place for place, needle in pairs if needle not in said]
        return f"the code word at the {' and the '.join(places)} is not repeated" if places else ""


def long_prompt(profile: Profile, label: str, tokens: int, *, tries: int, filler: str = LETTERS) -> LongPrompt:
    """A prompt of so many tokens, or of as many as fit into the profile's window."""
    return _prompt(profile, label, max(min(tokens, room(profile)), LEAST), filler, tries=tries, fits=True)


def beyond(profile: Profile, window: int) -> LongPrompt:
    """A prompt that no tokenizer gets into a window of so many tokens."""
    return _prompt(profile, "beyond", int(window * EXCEEDS), LETTERS, tries=1, fits=False)


def room(profile: Profile) -> int:
    """Tokens of filler that certainly fit into the profile's window; without a window, as many as are asked for."""
    if profile.context_window is None:
        return 10**9
    return int(FITS * (profile.context_window - cap(profile) - 1000))


def _prompt(profile: Profile, label: str, tokens: int, filler: str, *, tries: int, fits: bool) -> LongPrompt:
    needles = tuple(f"{animal}-{number(f'{label} {animal}')}" for animal in ANIMALS)
    thinking = Thinking.OFF if profile.thinking.switchable else Thinking.UNSET
    each = profile.word_tokens
    kind = filler if each == 1 else WORDS
    request, control = (
        ask(profile, _text(needles, round(size / each), kind), thinking=thinking)
        for size in (tokens, min(tokens, LEAST))
    )
    return LongPrompt(
        tokens=tokens, needles=needles, request=request, control=control, tries=tries, fits=fits
    )  # fmt: skip


def _text(needles: Sequence[str], words: int, filler: str) -> str:
    first, second, third = _lines(needles)
    half = filled(words // 2, filler)
    return (
        f"{first}\n\nWhat follows is filler without meaning; do not repeat it.\n\n{half}\n\n{second}\n\n{half}\n\n"
        f"{third}\n\nThat was all. Reply with the three code words in their order, separated by spaces."
    )


def _lines(needles: Sequence[str]) -> Iterator[str]:
    for ordinal, needle in zip(ORDINALS, needles, strict=True):
        yield f"The {ordinal} code word is {needle}."


def filled(words: int, filler: str = WORDS) -> str:
    """The words of the filler over and over, so many of them."""
    whole, rest = divmod(words, filler.count(" "))
    return f"{filler * whole}{' '.join(filler.split()[:rest])}".strip()
