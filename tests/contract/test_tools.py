"""Tests that need a tool are not left out unnoticed where the tool was promised."""

import pytest

from tests import chromium, tools


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(chromium, "CHROMIUM", "/nowhere/chromium")


@pytest.mark.parametrize(
    ("expected", "ending"), [((), pytest.skip.Exception), (("engine", "browser"), pytest.fail.Exception)]
)
def test_a_missing_browser(
    expected: tuple[str, ...], ending: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine of somebody's it is a skip; where it was promised a failure."""
    monkeypatch.setattr(tools, "EXPECTED", frozenset(expected))
    with pytest.raises(ending, match="no browser at /nowhere/chromium"):
        chromium.executable()


@pytest.mark.parametrize(("tool", "ending"), [("engine", pytest.fail.Exception), ("npm", pytest.skip.Exception)])
def test_only_what_was_promised_fails(tool: str, ending: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tool by itself."""
    monkeypatch.setattr(tools, "EXPECTED", frozenset({"engine", "browser"}))
    with pytest.raises(ending, match="not here"):
        tools.missing(tool, "not here")
