"""The causes of all owners, composed."""

import re
from pathlib import Path

import pytest

from benchmarks import registry
from benchmarks.precheck.causes import of_check
from benchmarks.precheck.known import causes
from kvv_action.causes import PAGE, Cause, in_general, of_model
from kvv_action.profiles.loader import load, names
from kvv_action.profiles.model import Engine

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


ENGINES = {*Engine, "LiteLLM", "nginx"}


@pytest.mark.parametrize("name", names())
def test_remedies_name_the_value_of_every_option_that_a_profile_knows(name: str) -> None:
    """In the switches of all causes; no option stands in a profile in vain."""
    options = load(name).engine_options
    told = [(engine, text) for cause in KNOWN for engine, text in of_model(cause.switches, options).items()]
    for engine, values in options.items():
        texts = [text for of, text in told if of == engine]
        for option, value in values.items():
            assert any(f"{option} {value}" in text for text in texts), (engine, option)
            assert not any(f"{option} NAME" in text for text in texts), (engine, option)


def test_an_option_that_no_profile_names_stays_as_it_is() -> None:
    """Also where another option of the same engine is known."""
    switches = {"vLLM": "--a NAME --b NAME --c auto", "SGLang": "--a NAME"}
    assert of_model(switches, {"vLLM": {"--b": "one", "--c": "two"}}) == {
        "vLLM": "--a NAME --b one --c auto",
        "SGLang": "--a NAME",
    }


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
