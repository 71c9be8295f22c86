"""Engines with a model that answers nonsense: the run says so first, and nothing about how it was served."""

from pathlib import Path

import pytest

from tests.servers import engines
from tests.servers.outcome import Outcome, doctor, mistaken, smoke

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

NONSENSE = (1, "fail", "not-language")
QUICK = ("--probes", "endpoint.*,parameters,thinking.*,streaming.shape,tools.call.*,tokens.usage.*")
"""Probes that take two minutes where one request is served at a time."""


def delivered(found: Outcome) -> bool:
    """Whether every first try arrived whole."""
    return found.report["delivery"]["broken"] == 0


def test_llamacpp(tmp_path: Path) -> None:
    """Its server hangs up on kept connections after streams, which is nobody's failure."""
    with engines.llamacpp(tmp_path) as url:
        assert doctor(url).status == 0
        found = smoke(url, tmp_path / "out")
    assert found.told == NONSENSE
    assert delivered(found)


def test_transformers_serve(tmp_path: Path) -> None:
    """It ends streams without [DONE], and calls a local model by its folder; another name is the user's mistake."""
    with engines.transformers(tmp_path) as (url, model):
        assert doctor(url, model).status == 0
        mistaken(doctor(url, engines.MODEL), "model:", f"Did you mean '{model}'?")
        found = smoke(url, tmp_path / "out", *QUICK, model=model)
    assert found.told == NONSENSE
    assert delivered(found)


def test_vllm(tmp_path: Path) -> None:
    """With its own parsers: thinking comes as `reasoning`, extra fields are null."""
    with engines.vllm(tmp_path) as url:
        assert doctor(url).status == 0
        mistaken(doctor(url, "kimi-k2"), "model:", "it lists kimi-k2.6", "Did you mean 'kimi-k2.6'?")
        mistaken(doctor(url.removesuffix("/v1")), f"set base-url to {url}")
        found = smoke(url, tmp_path / "out")
    assert found.told == NONSENSE
    assert delivered(found)
