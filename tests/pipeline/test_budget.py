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
    assert first["usage"]["requests"] == 78, "two more were sent at first contact"
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
    assert f"max-tokens 1000000000: enough in any case ({flying}" in told
    left_out = kvv("plan", "--model", "kimi-k2.6", "--max-tokens", 10**9).out
    assert "for each container" not in left_out  # smoke asks nothing that needs one
    boxed = kvv("plan", "--model", "kimi-k2.6", "--benchmarks", "swebench", "--max-tokens", 10**9).out
    assert "at most 50 answers and one for each container, of 16384 tokens with prompts of " in boxed


def test_tries_that_are_cut_off_are_paid_for(tmp_path: Path) -> None:
    """A vendor that cuts half of its streams reaches a limit of tokens with fewer answers."""
    chosen = ("--benchmarks", "ocrbench,mmmu_pro,aime2025,toolcall", "--precheck", "off", "--max-tokens", 4000)
    answers = []
    for name, faults in (("whole", ()), ("cut", ("--fault", "truncates-stream=0.5"))):
        _, found = demo(tmp_path / name, *chosen, *faults, "--max-connections", 1)
        assert "max-tokens is 4000" in found["state_reason"]
        answers.append(sum(one["counts"]["scored"] for one in found["benchmarks"]))
    assert answers[1] < answers[0]


def test_a_live_reference_that_nobody_would_ask_is_refused() -> None:
    """The message says where, what is allowed, and what to do instead; with toolcall it is asked."""
    options = ("plan", "--model", "kimi-k2.6", "--reference-base-url", "http://127.0.0.1:1/v1")
    ran = kvv(*options, "--benchmarks", "aime2025", "--dataset=aime2025=bundled")
    assert ran.status == 2
    assert "reference-base-url: 'http://127.0.0.1:1/v1' is not valid. Only toolcall asks a live reference" in ran.err
    assert "(precheck, aime2025)" in ran.err
    assert "give its out folder as baseline" in ran.err
    assert kvv(*options, "--benchmarks", "toolcall", "--dataset=toolcall=bundled").status == 0
