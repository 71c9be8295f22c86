"""A budget through the whole command: it stops, says why, and a larger one goes on."""

from pathlib import Path

import pytest

from tests.pipeline.command import demo, kvv, report, vendor

pytestmark = pytest.mark.pipeline


def test_a_spent_budget_is_inconclusive_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    """Exit 3 with the reason, a journal that an audit accepts, and in the end the same pass as without a budget."""
    chosen = ("--model", "kimi-k2.6", "--benchmarks", "aime2025,ocrbench",
              "--dataset=aime2025=bundled", "--dataset=ocrbench=bundled")  # fmt: skip
    with vendor() as url:
        asked = ("run", "--base-url", url, "--out", tmp_path, *chosen)
        ran, first = kvv(*asked, "--max-requests", 80), report(tmp_path)
        more, whole = kvv(*asked, "--max-requests", 1000), report(tmp_path)
    assert ran.status == 3
    assert first["usage"]["requests"] == 80
    assert first["state"] == "stopped"
    reason = "budget spent: max-requests is 80, 80 requests were sent; with a larger one the same command goes on"
    assert first["state_reason"] == reason
    assert reason in ran.out
    assert (more.status, whole["verdict"], whole["timing"]["sessions"]) == (0, "pass", 2)
    assert kvv("audit", tmp_path).status == 0
    assert f'"expected": {whole["usage"]["requests"]}.0' in kvv("plan", "--json", *chosen).out


def test_a_fail_stays_a_fail(tmp_path: Path) -> None:
    """What a spent budget left unasked does not excuse what is proven."""
    ran, found = demo(tmp_path, "--max-requests", 30, "--benchmarks", "ocrbench", "--fault", "ignores-images",
                      "--precheck", "off")  # fmt: skip
    assert found["state"] == "stopped"
    assert (ran.status, found["verdict"]) == (1, "fail")


def test_a_cost_needs_prices() -> None:
    """The message names both, before anything is sent."""
    ran = kvv("demo", "--max-cost", "5")
    assert ran.status == 2
    assert "price-input" in ran.err
    assert "price-output" in ran.err


def test_a_plan_says_whether_it_fits() -> None:
    """A limit below what is expected, between expected and possible, and above everything."""
    options = ("plan", "--model", "kimi-k2.6", "--benchmarks", "aime2025", "--dataset=aime2025=bundled")
    assert "max-requests 60: less than expected" in kvv(*options, "--max-requests", 60).out
    assert "max-requests 70: enough for what is expected" in kvv(*options, "--max-requests", 70).out
    told = kvv(*options, "--max-requests", 500, "--max-tokens", 10**9).out
    assert "max-requests 500: enough in any case (never exceeded)" in told
    flying = "on top comes what is in flight then, at most 50 answers of 98304 tokens with prompts of "
    assert f"max-tokens 1e+09: enough in any case ({flying}" in told
