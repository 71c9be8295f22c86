"""Tests of pages are not left out unnoticed."""

import pytest

from tests import chromium


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(chromium, "CHROMIUM", "/nowhere/chromium")


@pytest.mark.parametrize(("ci", "ending"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_browser(ci: str, ending: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine of somebody's it is a skip; in CI a failure."""
    monkeypatch.setenv("CI", ci)
    with pytest.raises(ending, match="no browser at /nowhere/chromium"):
        chromium.executable()
