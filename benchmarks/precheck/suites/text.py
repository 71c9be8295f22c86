"""Exact text: what the model copies comes back character by character, streamed and whole.

A copy that is damaged is asked for again; two damaged ones of at most three make a defect. Then one more question tells
whether the text is damaged on its way to the model or on its way back.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from benchmarks.precheck.again import TRIES, quoted, whole
from benchmarks.precheck.ask import MODES, ask, cap
from benchmarks.precheck.causes import PLAIN_REFUSED, ProbeCause, of_check
from benchmarks.precheck.picture import number
from benchmarks.precheck.probe import REFUSALS, Probe, broken, holds, refused
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Exchange, Request, Score
from kvv_action.verdict.checks import exact, markers
from kvv_action.verdict.checks.copies import ComparedCopy, CopyKind, compared, restyled

WHITE_SPACE = of_check(exact.WHITE_SPACE)
CAUSES: Mapping[CopyKind, ProbeCause] = {
    **{kind: of_check(cause) for kind, cause in exact.COPIED.items()},
    CopyKind.MARKER: of_check(markers.LEAK),
    CopyKind.OTHER_MARKER: of_check(markers.OTHER),
}

SHORT = """\
Invoice 40718 of 3 May: 2 boxes at 19.95 EUR each.
Zoë paid in 東京 on 木曜日 and wrote: 谢谢 👩‍👩‍👧 ≤ 100 %.
    <b>total</b> & "tax" = 39.90; the last word is lantern"""
PROSE = """\
On 29 February 2024 the train left at 06:07 and arrived at 18:42:59.
Pi begins 3.14159 26535 89793 23846 26433 83279 50288 41971 69399 37510 58209 74944.
"Well," she said, "1,000,000 isn't 10^6 - or is it?" He didn't answer; he only smiled.
0.1 + 0.2 = 0.30000000000000004, 7 x 8 = 56, 1e-7, 0x1F4A9, +47 22 12 34 56, 192.168.0.1
Section 4.2 (b) says: no later than the 3rd of May, and the last word is meadow"""
SIGNS = """\
1 Grüße aus Łódź, Ærøskøbing und São Paulo
2 東京は今日も雨です。明日は晴れるでしょう。
3 请在星期三之前把报告发给我,谢谢。
4 서울은 비가 옵니다
5 Съешь ещё этих мягких французских булок
6 مرحبا بالعالم
7 नमस्ते दुनिया
8 👩‍👩‍👧‍👦 🧑🏽‍💻 👩‍🚀 🇳🇴 👍🏿 🙂
9 ∑ ≤ ∞ √ π ½ € ± ≠
10 𠮷野家 𝔘𝔫𝔦 and the last word is harbour"""
CODE = r"""
def normalise(rows, *, least=0.5):
    kept = []
    for row in rows:
        if row["value"] < least and not row.get("keep"):
            continue
        kept.append({"id": row["id"], "text": f"{row['name']}:\t{row['value']:>8.2f}\n"})
    return kept

# &lt;b&gt; stays as it is, and so do %20, \u00e9 and C:\temp\new
<p class="note">5 &gt; 3 && "x" != 'y'</p>
    <!-- four spaces stand before this line -->
        echo "the last word is compass" # and compass""".strip().replace("        echo", "\techo")
THINGS = ("red lantern", "old compass", "brass key", "green bottle", "small mirror", "paper map", "iron bell")
GATES = ("north", "south", "west", "river", "market")
PEOPLE = ("Ada", "Bo", "Chen", "Dina", "Emil", "Farah")
LINES = 60
LONG = "".join(
    f"{line}. The {THINGS[line % len(THINGS)]} of the {GATES[line % len(GATES)]} gate weighs "
    f"{number(f'line {line}')} grams and belongs to {PEOPLE[line % len(PEOPLE)]}.\n"
    for line in range(1, LINES + 1)
)
LONG += "The last word is orchard"
"""About 4,500 characters."""
TEXTS: Mapping[str, tuple[str, tuple[str, str]]] = {
    "signs": (SIGNS, ("standard", "standard")),
    "code": (CODE, ("standard", "standard")),
    "long": (LONG, ("standard", "full")),
    "prose": (PROSE, ("full", "full")),
}
"""Texts by name, and the smallest tiers that ask for them streamed and whole."""

ENOUGH = 2
"""Damaged copies that make a defect."""
COPY = f"{exact.COPY_ASKED} Reply with the copy alone: no comment, no quotation marks, no code fence."
ENDS = (
    "Reply with the word WORDS, the first word and the last word of the text between the two lines of equals signs, "
    "and the word END, separated by spaces; nothing else."
)
"""The words asked for stand in the middle of the answer, so that an answer that loses its ends still shows them."""
NAMED = (
    "Reply with these signs, one after the other and nothing else: the euro sign, the less-than sign, the ampersand, "
    "the Chinese character for tree, the Greek small letter pi, the capital letter Q"
)
NAMED_SIGNS = "€<&木πQ"
BACK = "; it happens on the way back from the model"
TO_MODEL = "; it happens on the way to the model"
LOST = frozenset({CopyKind.HEAD_LOST, CopyKind.TAIL_LOST})
IN_SIGNS = frozenset({
    CopyKind.CUT_CHARACTERS, CopyKind.SIGNS_LOST, CopyKind.WRONG_ENCODING, CopyKind.ESCAPED,
})  # fmt: skip


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    del options
    for name, (text, tiers) in TEXTS.items():
        for (mode, stream), tier in zip(MODES, tiers, strict=True):
            yield copying(profile, f"text.{name}.{mode}", text, stream=stream, tier=tier)


def copying(profile: Profile, name: str, text: str, *, stream: bool, tier: str) -> Probe:
    """A probe that has a text copied."""
    request = _about(profile, COPY, text, stream=stream)
    ends, signs = _about(profile, ENDS, text, stream=stream), ask(profile, NAMED, stream=stream)
    return Probe(
        id=name,
        requests=(request,),
        judge=partial(_judged, text),
        then=partial(_next, text, request, ends, signs),
        at_most=TRIES,
        tier=tier,
    )


def _about(profile: Profile, instruction: str, text: str, *, stream: bool) -> Request:
    return ask(profile, f"{instruction}\n=====\n{text}\n=====", stream=stream, max_tokens=cap(profile, 4))


def looks(text: str, exchanges: Sequence[Exchange]) -> list[ComparedCopy]:
    """What came of each time that a copy was asked for, the question that follows damage left out.

    Raises:
        Undecided: an answer is missing or was cut off.
    """
    found: list[ComparedCopy] = []
    for exchange in exchanges[:TRIES]:
        if _damaged(found) == ENOUGH:
            break
        found.append(_compared(text, whole(exchange).content))
    return found


def _compared(text: str, got: str) -> ComparedCopy:
    """How a copy compares, and an exact one also by the way in which its signs are written."""
    copy = compared(text, got)
    return copy if copy.kind is not CopyKind.EXACT else restyled(text, got, code=text is CODE) or copy


def _damaged(found: Sequence[ComparedCopy]) -> int:
    return sum(copy.damaged for copy in found)


def _next(text: str, request: Request, ends: Request, signs: Request, exchanges: Sequence[Exchange]) -> Request | None:
    """The copy again after a damaged one, until two of three are damaged or not; then what tells the way."""
    try:
        found = looks(text, exchanges)
    except Undecided:
        return None
    damaged = _damaged(found)
    if damaged == ENOUGH:
        asked = {**dict.fromkeys(LOST, ends), **dict.fromkeys(IN_SIGNS, signs)}
        return asked.get(_kind(found)) if len(exchanges) == len(found) else None
    return request if damaged and len(found) < TRIES and len(found) - damaged < ENOUGH else None


def _kind(found: Sequence[ComparedCopy]) -> CopyKind:
    return next(copy.kind for copy in found if copy.damaged)


def _judged(text: str, exchanges: Sequence[Exchange]) -> Score:
    if not exchanges:
        raise Undecided("there is no answer")
    first = exchanges[0].rejection
    if first is not None and first.status in REFUSALS:
        return broken(f"refused: {refused(exchanges[0])}", PLAIN_REFUSED)
    return judged_copies(text, exchanges) or holds(_told(looks(text, exchanges)))


def judged_copies(text: str, exchanges: Sequence[Exchange]) -> Score | None:
    """The defect that the copies show; None for none.

    Raises:
        Undecided: an answer is missing or was cut off.
    """
    found = looks(text, exchanges)
    if _damaged(found) < ENOUGH:
        return None
    shown = next(copy.shown for copy in found if copy.damaged)
    way = _way(_kind(found), text, exchanges[len(found) :])
    said = f"{_damaged(found)} of {len(found)} copies of a text are damaged ({_kind(found)}) at {quoted(shown)}{way}"
    return broken(said, CAUSES[_kind(found)])


def _told(found: Sequence[ComparedCopy]) -> str:
    last = found[-1]
    if last.kind is CopyKind.EXACT:
        return "copied exactly" if len(found) == 1 else f"copied exactly, after {_damaged(found)} damaged copy"
    return f"the text was not copied, so it cannot be compared: {quoted(last.shown)}"


def _way(kind: CopyKind, text: str, after: Sequence[Exchange]) -> str:
    """Where the damage happens, if the last question shows it; else empty."""
    if not after or after[0].completion is None:
        return ""
    said = after[0].completion.content
    if kind in LOST:
        words = text.split()
        lost = words[0] if kind is CopyKind.HEAD_LOST else words[-1]
        return BACK if lost in said.split() else TO_MODEL
    if NAMED_SIGNS in said.replace(" ", ""):
        return TO_MODEL
    return BACK if compared(NAMED_SIGNS, said).kind in IN_SIGNS else ""
