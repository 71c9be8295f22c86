"""What a user gets from `kvv doctor` and a small `kvv run` in front of a server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.pipeline.command import Ran, kvv, report

BUNDLED = "aime2025=bundled\ntoolcall=bundled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    ran: Ran
    report: dict[str, Any]

    @property
    def told(self) -> tuple[int, str, str]:
        """Exit status, verdict, and the stable name of the first cause; empty where none is named."""
        return self.ran.status, self.report["verdict"], self.first_cause

    @property
    def first_cause(self) -> str:
        """By what the run says first."""
        if causes := self.report.get("causes"):
            return str(causes[0]["cause_id"])
        if failing := [found for found in self.report.get("findings", ()) if found["severity"] == "failure"]:
            return str(failing[0]["cause_id"])
        named = [found for result in self.report["benchmarks"] for found in result["diagnosis"]]
        return str(named[0]["cause_id"]) if named and self.report["verdict"] == "fail" else ""

    @property
    def warnings(self) -> set[str]:
        """Findings that change no verdict."""
        return {found["cause_id"] for found in self.report.get("findings", ()) if found["severity"] != "failure"}


def doctor(url: str, model: str = "kimi-k2.6") -> Ran:
    """First contact, explained."""
    return kvv("doctor", "--base-url", url, "--model", model, "--connect-timeout", 10)


def smoke(url: str, out: Path, *arguments: object, model: str = "kimi-k2.6") -> Outcome:
    """The smallest run, over our own samples; nothing in it may break inside kvv."""
    ran = kvv(
        "run", "--base-url", url, "--model", model, "--profile", "kimi-k2.6", "--tier", "smoke",
        "--benchmarks", "precheck,aime2025,toolcall", "--dataset", BUNDLED, "--out", out, "--retry-base", "0.05",
        *arguments,
    )  # fmt: skip
    assert "Traceback" not in ran.out + ran.err
    found = report(out)
    assert "internal" not in (out / "report.json").read_text()
    assert "HTTP 400: HTTP 400" not in ran.out
    return Outcome(ran=ran, report=found)


def mistaken(ran: Ran, *words: str) -> None:
    """It ended as a mistake of the user's, in one sentence with these words."""
    assert ran.status == 2, ran.out + ran.err
    (told,) = [line for line in ran.err.splitlines() if line.startswith("kvv: ")]
    for word in words:
        assert word in told
