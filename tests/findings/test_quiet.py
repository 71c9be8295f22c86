"""A right vendor raises nothing: with every legal oddity, and other bodies of the same answers.

That it raises nothing with any profile is asserted of the same runs in `tests/precheck/test_suites.py`.
"""

from pathlib import Path

import pytest

from kvv_action.schema import Severity, Verdict
from tests.findings.runs import ran
from tests.findings.test_causes import ALLOWED

ODDITIES = sorted(ALLOWED - {"sheds-load"})
EVERYTHING = "aime2025,toolcall,ocrbench,mmmu_pro"


def found(out: Path, faults: list[str], **settings: str) -> list[str]:
    """Ids of the findings above information."""
    report = ran(out, faults, **settings)
    assert report.verdict is Verdict.PASS, report.reason
    return [finding.cause_id for finding in report.findings if finding.severity is not Severity.INFORMATION]


@pytest.mark.parametrize("oddity", ODDITIES)
def test_a_legal_oddity_raises_nothing(oddity: str, tmp_path: Path) -> None:
    """Each for itself."""
    assert found(tmp_path, [oddity]) == []


def test_all_legal_oddities_together_raise_nothing(tmp_path: Path) -> None:
    """Every probe, and all oddities in every answer."""
    assert found(tmp_path, ODDITIES, tier="full") == []


@pytest.mark.parametrize("stream", ["true", "false"])
def test_right_answers_of_other_benchmarks_raise_nothing(stream: str, tmp_path: Path) -> None:
    """Scored answers, streamed and not."""
    assert found(tmp_path, [], benchmarks=EVERYTHING, stream=stream) == []


def test_lack_of_capacity_is_no_finding(tmp_path: Path) -> None:
    """429, 503 and 529 are told apart from what breaks."""
    report = ran(tmp_path, ["sheds-load=0.2", "rate-limits=0.2"], retry_attempts="10")
    assert report.findings == ()
    assert report.delivery is not None
    assert report.delivery.busy > 0
    assert report.delivery.broken == 0
