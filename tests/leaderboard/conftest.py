"""A real run of Pre-Verification against the embedded vendor as a server, made once."""

from pathlib import Path

import pytest

from tests.pipeline.command import kvv, vendor
from tests.sharing import made_once


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that passed: Pre-Verification alone, so its record is a partial one."""

    def make(out: Path) -> None:
        with pytest.MonkeyPatch.context() as patch, vendor() as url:
            patch.setenv("KVV_API_KEY", "sk-canary-leaderboard-0001")
            ran = kvv("run", "--base-url", url, "--model", "kimi-k2.6", "--vendor", "Acme AI", "--benchmarks",
                      "precheck", "--tier", "full", "--out", out)  # fmt: skip
        assert ran.status == 0, ran.out + ran.err

    return made_once(tmp_path_factory, "partial-run", make)


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine that runs the tests."""
    for name in ("KVV_LEADERBOARD_TOKEN", "KVV_LEADERBOARD_REPO", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
