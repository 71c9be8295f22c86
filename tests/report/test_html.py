"""report.html: one file without scripts, in which everything untrusted is text."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from kvv_action.report.html import html
from kvv_action.report.markdown import summary
from kvv_action.report.pages.environment import source_of
from kvv_action.schema import Case, Diagnosis, Evidence, Histogram, Outcome, RunState, Verdict
from tests.report.reports import CASES, EVIL, HOSTILE, PROBES, REPORT, RESULT, hostile, with_gaps, with_result

HIDDEN = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]"
BLOCKS = {"p", "li", "dt", "dd", "td", "th", "h1", "h2", "h3", "summary", "pre", "option"}
VOID = {"meta", "link", "br", "path", "circle", "rect", "line", "use"}


class Outline(HTMLParser):
    """Checks nesting and collects what matters: tags, attributes, text."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page.decode())
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.words += " " if tag in BLOCKS else ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title", "desc"):
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every such element."""
        return [attributes for name, attributes in self.tags if name == tag]


def plain(page: bytes) -> str:
    """All text of a page, white space as single spaces."""
    return " ".join(Outline(page).words.split())


@pytest.mark.parametrize("report", [REPORT, hostile(), replace(REPORT, benchmarks=(PROBES, RESULT))])
def test_nothing_can_be_loaded_or_run(report) -> None:
    """No script, no handler, no address but anchors and the icon; the policy allows this one stylesheet."""
    page = html(report)
    found = Outline(page)
    assert not found.all("script")
    assert not [tag for tag, _ in found.tags if tag in ("img", "iframe", "object", "embed", "form", "base", "audio")]
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style", "srcset")]
        where = attributes.get("href") or "#"
        assert where.startswith("#") or (tag == "link" and where.startswith("data:image/svg+xml,"))
    (policy,) = [one["content"] for one in found.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    style = re.search("<style>(.*?)</style>", page.decode(), re.DOTALL)
    assert style is not None
    assert policy == (
        f"default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src {source_of(style.group(1))}"
    )


def test_the_same_report_is_the_same_bytes() -> None:
    """A pure function."""
    assert html(hostile()) == html(hostile())


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_texts_are_text(evil: str) -> None:
    """Markup does not form, and what would not be seen is shown as an escape."""
    page = html(hostile(evil))
    assert not re.search(HIDDEN, page.decode())
    seen = plain(page)
    for character in set(evil):
        if not character.isprintable() and character not in "\n\r\t ":
            assert f"\\x{ord(character):02x}" in seen or f"\\u{ord(character):04x}" in seen
    if evil.isprintable():
        assert evil in seen


def test_a_written_escape_differs_from_a_hidden_character() -> None:
    """Only the latter is marked."""
    case = replace(CASES[1], answer="\x1b \\x1b")
    page = html(with_result(cases=(case,))).decode()
    assert '<span class="hidden">\\x1b</span> \\x1b' in page


def test_the_verdict_comes_first() -> None:
    """Verdict, model, vendor and reason, before anything else; in the title as well."""
    page = html(REPORT)
    assert "Fail fake-model at vendor Quiz: 50 % against 90 %" in plain(page)[:120]
    assert "<title>Fail: fake-model at vendor · kvv</title>" in page.decode()


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_page(verdict: Verdict) -> None:
    """In words, not by colour alone."""
    seen = plain(html(replace(with_result(verdict=verdict), verdict=verdict)))
    assert seen.count(str(verdict)) >= 2


@pytest.mark.parametrize(
    "words",
    [
        "score 50.0 %",
        "95 % interval 10.0 % to 90.0 %",
        "if all that is missing were wrong, or right: 25.0 % to 75.0 %",
        "reference 90.0 %, a paper (2026-01-01)",
        "−40.0 points against the reference", "pass line −5.0 points", "Do first: raise the limit",
        "1 failed", "1 not sent", "of 4 planned",
        "cut short", "raise the limit", "1 answer",
        "failed: timeout-total no end", "not sent stopped",
        "q1 wrong expected 8", "Taken as the answer 7",
        "hub math/quiz at cccccccccccc", "the pinned content", "dddddddddddddddd",
        "kvv run --base-url https://v.example/v1", "--limit 4", "kvv audit",
        "9 lines, ending in bbbbbbbbbbbbbbbb", "httpx 1", "1 234 567",
        "tolerated: usage-in-choices",
    ],
)  # fmt: skip
def test_everything_that_explains_the_verdict_is_there(words: str) -> None:
    """Numbers, what is missing, causes with remedies, samples, data, provenance, the command."""
    assert words in plain(html(REPORT))


def test_samples_show_request_and_answer() -> None:
    """As evidence, for probes and for answers alike."""
    evidence = (Evidence(request_id="req-7", request='{"n": 2}', response='{"content": "<b>two</b>"}'),)
    for result in (RESULT, PROBES):
        cases = (replace(CASES[1], evidence=evidence),)
        seen = plain(html(with_result(result, cases=cases)))
        assert 'Request {"n": 2} Answer {"content": "<b>two</b>"} Request id req-7' in seen


def test_a_page_of_many_bad_samples_stays_small() -> None:
    """Below 2 MB with 5000 long hostile ones in each benchmark; the page says how many more there are."""
    long = Evidence(request_id="r", request="\u202e<&" * 700, response="x" * 2000)
    cases = tuple(
        Case(id=f"q{number}", epoch=0, outcome=Outcome.WRONG, value=0.0, answer=EVIL, evidence=(long,) * 3)
        for number in range(5000)
    )
    counts = replace(RESULT.counts, planned=6000, sent=6000, scored=6000, failed=0, skipped=0)
    results = [replace(one, cases=cases, counts=counts, cases_omitted=1000) for one in (RESULT, PROBES)]
    page = html(replace(REPORT, benchmarks=tuple(results)))
    assert len(page) < 2_000_000
    assert re.search(r"At least 5 000 answers that are not right .* 4 \d{3} more in report.json", plain(page))


def test_a_long_list_is_folded() -> None:
    """The first ones are seen, the others are a click away."""
    cases = tuple(replace(CASES[1], id=f"q{number}") for number in range(40))
    seen = plain(html(with_result(cases=cases)))
    assert "40 answers that are not right" in seen
    assert "The next 28" in seen
    assert "q39" in seen


def test_distributions_are_drawn_by_benchmark_and_for_all() -> None:
    """With a description for whoever does not see them."""
    times = Histogram(edges=(0.1, 0.125, 0.16), counts=(3, 1))
    page = html(with_result(distributions={"first_token": times, "completion_tokens": times}))
    assert plain(page).count("Time to the first token") == 2
    assert page.decode().count("4 answers from 100 ms to 160 ms") == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": RunState.INTERRUPTED, "state_reason": "killed"}, "Interrupted. killed"),
        ({"demonstration": True}, "A demonstration."),
        ({"plan": replace(REPORT.plan, imported="results.jsonl")}, "Imported from results.jsonl"),
        ({"plan": replace(REPORT.plan, faults=("caps-output",))}, "Faults of the embedded vendor: caps-output"),
    ],
)
def test_what_limits_the_verdict_is_said_beside_it(changes, words: str) -> None:
    """Not at the end of the page."""
    assert words in plain(html(replace(REPORT, **changes)))[:600]


def test_a_score_for_orientation_is_not_judged() -> None:
    """On the page, in the table of the summary, and nowhere called inconclusive."""
    result = replace(RESULT, verdict=Verdict.INCONCLUSIVE, orientation=True)
    report = replace(REPORT, verdict=Verdict.PASS, benchmarks=(result,))
    assert html(report).count(b'<span class="pill v-skipped">not judged</span>') == 2
    assert "| \N{INFORMATION SOURCE}\N{VARIATION SELECTOR-16} not judged |" in summary(report)


def test_what_was_not_asked_takes_little_room() -> None:
    """A closed gate leaves a line per benchmark, not empty charts."""
    counts = replace(RESULT.counts, sent=0, scored=0, failed=0, skipped=4)
    page = html(with_result(counts=counts, score=None, interval=None, bounds=None, cases=(), failures=()))
    assert "4 answers planned, none asked for" in plain(page)
    assert "<figure>" not in page.decode()


def test_an_empty_run_has_a_page() -> None:
    """Nothing planned."""
    assert "Fail" in plain(html(replace(REPORT, benchmarks=())))


@pytest.mark.parametrize(
    ("result", "outcomes", "words"),
    [
        (RESULT, [Outcome.WRONG], "1 answer that is not right"),
        (
            RESULT,
            [Outcome.WRONG, Outcome.UNPARSED, Outcome.FAILED],
            "2 answers that are not right, 1 without an answer",
        ),
        (PROBES, [Outcome.WRONG], "1 probe that does not hold"),
        (PROBES, [Outcome.PARTIAL, Outcome.WRONG], "2 probes that do not hold"),
        (PROBES, [Outcome.FAILED] * 3, "3 without an answer"),
    ],
)
def test_a_failure_is_not_called_wrong(result, outcomes: list[Outcome], words: str) -> None:
    """The heading of the samples counts them apart."""
    cases = tuple(replace(CASES[1], id=f"q{number}", outcome=outcome) for number, outcome in enumerate(outcomes))
    assert words in plain(html(with_result(result, cases=cases)))


@pytest.mark.parametrize(
    ("cases", "omitted", "words"),
    [
        ([Outcome.RIGHT, Outcome.WRONG], 0, "1 right 1 wrong 1 failed 1 not sent of 4 planned"),
        ([Outcome.RIGHT, Outcome.PARTIAL], 0, "1 right 1 partly right 1 failed 1 not sent"),
        ([Outcome.WRONG], 1, "2 scored 1 failed 1 not sent"),
    ],
)
def test_what_became_of_every_answer_is_counted(cases: list[Outcome], omitted: int, words: str) -> None:
    """Where cases were left out that may have been wrong, nothing is claimed about them."""
    found = tuple(replace(CASES[1], id=f"q{number}", outcome=outcome) for number, outcome in enumerate(cases))
    assert words in plain(html(with_result(cases=found, cases_omitted=omitted)))


def test_the_gap_between_published_and_varied_items_is_shown() -> None:
    """Pairs, both scores, the gap with its interval in numbers and drawn, what was changed, what it does not say."""
    page = html(with_gaps())
    words = plain(page)
    assert "Published and varied items" in words
    assert "Quiz 40 90.0 % 70.0 % +20.0" in words
    assert "+8.3 to +31.7 points published items are answered better" in words
    assert "A gap is behaviour that was observed, not why" in words
    assert "Changed by seed 3: Quiz, varied: options re-ordered 31." in words
    assert "published minus varied +20.0 points, 95 % interval +8.3 points to +31.7 points" in page.decode()
    assert "Published and varied items" not in plain(html(REPORT))


def test_a_gap_that_is_not_clear_is_said_so() -> None:
    """And drawn in another colour."""
    report = with_gaps()
    unclear = replace(report, gaps=(replace(report.gaps[0], gap=0.01, interval=(-0.05, 0.07), clear=False),))
    assert "5.0 to +7.0 points no clear difference" in plain(html(unclear))
    assert html(unclear) != html(report)


def test_what_was_varied_is_text() -> None:
    """Titles and ways are made harmless like everything else."""
    words = plain(html(with_gaps(title=EVIL, way=EVIL)))
    assert not re.search(HIDDEN, words)


def test_a_note_is_said_once() -> None:
    """That the texts were taken out of the evidence, for one."""
    redacted = replace(REPORT, journal=replace(REPORT.journal, redacted_from="a" * 64))
    assert plain(html(redacted)).count("Redacted.") == 1


def test_a_run_without_datasets_has_no_part_about_data() -> None:
    """Probes that are code alone; pages of older runs keep their bytes."""
    code = with_result(dataset=replace(REPORT.benchmarks[0].dataset, source="code"))
    for report, expected in ((code, False), (REPORT, True)):
        plan = replace(report.plan, choices={**report.plan.choices, "checks": {"version": 3}})
        assert (b"<h2>Data</h2>" in html(replace(report, plan=plan))) is expected
    assert b"<h2>Data</h2>" in html(code)


def test_what_a_remedy_has_in_backticks_is_code() -> None:
    """Also beside hostile text, which stays text; reports of older runs keep their bytes."""
    found = Diagnosis(cause="x", count=1, remedy="return `{}`, <b>`\u202e<i>` and one `", share=None)
    report = with_result(diagnosis=(found,))
    plain = replace(report, plan=replace(report.plan, choices={**report.plan.choices, "checks": {"version": 3}}))
    written = 'return <code>{}</code>, &lt;b&gt;<code><span class="hidden">\\u202e</span>&lt;i&gt;</code> and one `'
    assert written in html(plain).decode()
    assert "return `{}`, " in html(report).decode()
