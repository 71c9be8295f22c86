"""`kvv leaderboard build`: what is said, and what is refused."""

from pathlib import Path

import pytest

from entrypoint.cli import main
from tests.leaderboard.site.repository import keep, result


def test_a_site_is_built_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what is there."""
    keep(tmp_path, result("acme", "2026-05-01"))
    out = tmp_path / "site"
    assert main(["leaderboard", "build", str(tmp_path), "--out", str(out), "--date", "2026-06-01"]) == 0
    assert capsys.readouterr().out.startswith(
        f"{out}: 29 results (28 of them published by makers of models), 4 models, 22 vendors, "
    )
    assert "As of <time" in (out / "index.html").read_text()


@pytest.mark.parametrize("given", ["board/results", "https://github.com/board/results"])
def test_the_repository_is_named_as_for_init_or_by_its_address(tmp_path: Path, given: str) -> None:
    """Rows link to it."""
    keep(tmp_path, result("acme", "2026-05-01"))
    out = tmp_path / "site"
    assert main(["leaderboard", "build", str(tmp_path), "--out", str(out), "--repository", given]) == 0
    assert "https://github.com/board/results" in (out / "index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "There is no such folder."),
        (["tests"], "Holds neither leaderboard.toml nor results/; name the checkout of a leaderboard."),
        ([".", "--date", "yesterday"], "A day as YYYY-MM-DD."),
        ([".", "--repository", "board results"], "An http:// or https:// address."),
        ([".", "--url", "ftp://x"], "An http:// or https:// address."),
        ([".", "--ouT", "x"], "--out"),
    ],
)
def test_mistakes_are_explained(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With status 2; nothing is written."""
    assert main(["leaderboard", "build", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_damaged_repository_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is named, and there is no site."""
    keep(tmp_path, result("acme", "2026-05-01"))
    (path,) = (tmp_path / "results").rglob("*.json")
    path.write_bytes(path.read_bytes().replace(b"0.9", b"0.8"))
    assert main(["leaderboard", "build", str(tmp_path), "--out", str(tmp_path / "site")]) == 2
    assert path.name in capsys.readouterr().err
    assert not (tmp_path / "site").exists()
