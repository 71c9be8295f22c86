"""The causes of all owners, composed."""

import re
from pathlib import Path

import pytest

from benchmarks import registry
from benchmarks.precheck.causes import of_check
from benchmarks.precheck.known import causes
from kvv_action.causes import PAGE, Cause, in_general

KNOWN = registry.all_causes()


def test_every_cause_has_one_id_and_explains_only_what_is_declared() -> None:
    """The composition refuses anything else; there are causes of every owner."""
    for name in ("delivery-cut", "markers-leak", "usage-is-missing", "keys-are-sorted", "pictures-not-seen",
                 "work-was-ended-by-a-limit", "published-items-better"):  # fmt: skip
        assert KNOWN.get(name) is not None, name


@pytest.mark.parametrize("cause", list(KNOWN), ids=lambda cause: cause.id)
def test_a_cause_is_fit_for_a_page(cause: Cause) -> None:
    """Its id is an anchor, its sentence and remedy end without a stop, and nothing explains itself."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cause.id)
    assert len(cause.id) <= 80
    assert cause.remedy
    assert not cause.sentence.endswith(".")
    assert "{" not in in_general(cause.sentence)
    assert cause.id not in (*cause.explains, *cause.symptom_of)
    assert KNOWN.id_of(in_general(cause.sentence)) == cause.id
    assert all(name in ENGINES for name in cause.switches)


ENGINES = {"vLLM", "SGLang", "TensorRT-LLM", "LiteLLM", "nginx"}


def test_a_probe_can_find_what_a_check_finds() -> None:
    """The cause has the check's name, and is declared once."""
    check = KNOWN.get("text-head-lost")
    assert check is not None
    found = of_check(check)
    assert (found.id, KNOWN.id_of(found.cause)) == (check.id, check.id)
    assert found not in causes()


def test_every_cause_has_its_section() -> None:
    """Reports link to it by the id; a second section of the name would have another anchor."""
    page = (Path(__file__).parents[2] / PAGE).read_text()
    sections = re.findall(r"^### (.+)$", page, re.MULTILINE)
    assert sorted(sections) == sorted(cause.id for cause in KNOWN)
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= set(sections)
