"""`compare.json` and `compare.md` as bytes."""

from kvv_action.adapters import adapter
from kvv_action.compare import markdown, review
from kvv_action.compare.markdown import within
from kvv_action.compare.records import COMPARE_VERSION, RunComparison
from kvv_action.errors import KvvError, in_words
from kvv_action.report.files import HTML, SUMMARY, canonical, other_version, version_in
from kvv_action.report.markdown import BUDGET, SummaryInsert, summary
from kvv_action.schema import RunReport

COMPARE_JSON, COMPARE_MD = "compare.json", "compare.md"


def render(comparison: RunComparison) -> dict[str, bytes]:
    """Both files, by name; the second follows from the first alone."""
    return {COMPARE_JSON: canonical(comparison), COMPARE_MD: document(comparison).encode()}


def with_run(report: RunReport, comparison: RunComparison) -> dict[str, bytes]:
    """Both files, and the run's summary and page, which begin with the answer."""
    from kvv_action.compare.page import page_part  # its templates need a library that most commands do without
    from kvv_action.report.html import html

    return {
        **render(comparison),
        SUMMARY: summary(report, inserted=inserted(comparison)).encode(),
        HTML: html(report, inserted=page_part(comparison)),
    }


def document(comparison: RunComparison, budget: int = BUDGET) -> str:
    """`compare.md` within `budget` bytes; lists get shorter first, the answer stays."""
    return within(head(comparison), lambda rows: section(comparison, rows), budget)


def head(comparison: RunComparison) -> str:
    """The answer, and a row per benchmark."""
    return markdown.head(comparison) if comparison.form == 1 else review.review_head(comparison)


def section(comparison: RunComparison, rows: int) -> str:
    """What changed, with its evidence; `rows` samples of each benchmark."""
    return markdown.section(comparison, rows) if comparison.form == 1 else review.review_section(comparison, rows)


def inserted(comparison: RunComparison) -> SummaryInsert:
    """What a comparison adds to a run's summary."""
    return SummaryInsert(head=head(comparison), section=lambda rows: section(comparison, rows))


def of_run(data: bytes, report: RunReport) -> RunComparison | None:
    """The comparison in `compare.json` when it is about this run as it stands."""
    comparison = parse(data)
    mine = comparison.new.plan_digest == report.plan_digest and comparison.new.journal_head == report.journal.head
    return comparison if mine else None


def parse(data: bytes, where: str = COMPARE_JSON) -> RunComparison:
    """A comparison from the bytes of `compare.json`.

    Raises:
        KvvError: it is none, or of another schema version.
    """
    try:
        version = version_in(data)
        if version == COMPARE_VERSION:
            return adapter(RunComparison).validate_json(data)
    except ValueError as error:
        raise KvvError(f"{where}: not a comparison of kvv ({in_words(error)})") from error
    raise KvvError(f"{where}: {other_version(version, COMPARE_VERSION)}")
