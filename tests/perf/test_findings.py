"""How surely findings are seen, how rarely they are false, and what checks cost.

`pytest -m perf -s tests/perf/test_findings.py`; KVV_POWER_SEEDS and KVV_QUIET_RUNS take fewer prechecks than 100 and
smoke runs than 1000.
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from benchmarks.precheck.probe import Probe
from kvv_action.journal.reading import JournalReading, Sent
from kvv_action.profiles import loader
from kvv_action.schema import Attempt, RunPlan, Verdict
from kvv_action.verdict.checks import calls, damage, filing, markers, usage
from kvv_action.verdict.checks.findings import AnswerChecks, in_order
from kvv_action.verdict.checks.sightings import SeenAnswer, Sign
from kvv_action.verdict.delivery import DeliveryTally
from tests.findings.answers import K2, answer, calling, counted
from tests.findings.runs import ran
from tests.findings.test_causes import FIRST, INFORMATION
from tests.findings.test_quiet import ODDITIES
from tests.perf.whole_prechecks import MixedVendor, RememberedVendor, probes_of, told
from tests.precheck.direct import DirectVendor
from tests.precheck.test_text import FAULTS as COPIED

pytestmark = [pytest.mark.perf, pytest.mark.timeout(3600)]
SEEDS, RATES, LEAST = int(os.environ.get("KVV_POWER_SEEDS", "100")), (0.1, 0.03), 0.95
ANYWHERE = (
    "repeats-words", "cuts-characters", "misreads-as-latin", "loops-in-content", "loops-in-thinking",
    "writes-only-one-sign", "leaves-end-of-thinking", "leaves-end-of-turn", "serves-raw-channels",
    "names-another-maker", "names-two-models", "leaves-reasoning-out-of-usage", "counts-chunks",
    "caches-more-than-prompt", "reasons-more-than-completion", "caps-output-early",
    "answers-in-reasoning", "kimi-think-tags-in-content", "thinking-tags-in-content", "says-eos-token",
    "advertises", "labels-answers", "totals-without-prompt", "counts-no-reasoning", "sends-usage-twice",
    "repeats-chunks", "sends-cumulative-text", "strips-spaces", "doubles-answers", "resends-text", "speaks-in-salad",
    "leaves-vocabulary-marks", "says-end-turn", "filters-content",
)  # fmt: skip
"""Faults that an answer to nearly any request shows."""
COPIES = (
    "loses-last-characters", "loses-first-characters", "begins-with-byte-order-mark", "upper-cases-answers",
    "lower-cases-answers", "writes-long-dashes", "doubles-spaces", "escapes-html", "puts-in-zero-width-spaces",
    "swaps-case", "reverses-text",
)  # fmt: skip
"""Faults that only answers to exact requests show."""
BROKEN = ("truncates-stream", "gives-up-abort", "resets-connections", "answers-internal-error", "sends-error-event")
RUNS, SMOKE = int(os.environ.get("KVV_QUIET_RUNS", "1000")), 59
SIZE, MILLISECONDS = 1_000_000, 20


def recorded(out: Path, faults: Sequence[str], tier: str = "full", **settings: str) -> tuple[RunPlan, list[Sent]]:
    """What was sent in one run, with the signs of each answer in the place of its texts."""
    ran(out, faults, tier=tier, **settings)
    reading = JournalReading(out / "journal.jsonl")
    checks = AnswerChecks(reading.plan)
    return reading.plan, [_signed(sent, checks) for sent in reading.sent()]


def _signed(sent: Sent, checks: AnswerChecks) -> Sent:
    exchange = sent.exchange
    if exchange is None or exchange.completion is None:
        return sent
    signs = {sign.cause.id: sign.word for sign in checks.signs(sent)}
    return replace(sent, exchange=replace(exchange, signs=signs))


def _found(plan: RunPlan, sent: Sequence[Sent]) -> set[str]:
    """Ids of the findings above information."""
    checks = AnswerChecks(plan)
    for one in sent:
        checks.see(one)
    found = in_order([one.finding for one in checks.seen()])
    return {finding.cause_id for finding in found if finding.severity is not INFORMATION}


def test_power(tmp_path: Path) -> None:
    """Of full prechecks whose answers show a fault at a rate, those that name its cause; every probe judges."""
    plan, probes = recorded(tmp_path / "right", [], tier="smoke")[0], probes_of("full")
    right = RememberedVendor(plan)
    assert told(plan, probes, right) == set()
    print(f"\nnamed in {SEEDS} full prechecks of {len(probes)} probes, by rate")
    print(f"{'fault':34}" + "".join(f"{rate:>8.0%}" for rate in RATES), flush=True)
    rows = {fault: _seen(plan, probes, right, fault) for fault in (*ANYWHERE, *COPIES)}
    assert {fault: row for fault, row in rows.items() if row[0] < LEAST * SEEDS} == {}


def _causes(fault: str) -> set[str]:
    """Id and sentence of what a fault is called."""
    if fault in FIRST:
        return {FIRST[fault].cause}
    return {COPIED[fault][0].id, COPIED[fault][0].cause}


def _seen(plan: RunPlan, probes: Sequence[Probe], right: RememberedVendor, fault: str) -> list[int]:
    bad, cause = RememberedVendor(plan, [fault]), _causes(fault)
    row = []
    for rate in RATES:
        vendors = (MixedVendor(right, bad, partial(_hit, random.Random(seed), rate)) for seed in range(SEEDS))
        row.append(sum(bool(cause & told(plan, probes, vendor)) for vendor in vendors))
    print(f"{fault:34}" + "".join(f"{count:>8}" for count in row), flush=True)
    return row


def _hit(rng: random.Random, rate: float) -> bool:
    return rng.random() < rate


def test_power_of_delivery(tmp_path: Path) -> None:
    """The same for first tries that break, at rates around the limit of 2 %; each row one kind."""
    plan, right = recorded(tmp_path / "right", [])
    rates = (0.1, 0.05, 0.03, 0.02, 0.01)
    print(f"\nfailed of {SEEDS} full prechecks of {len(right)} requests, by rate")
    print(f"{'fault':34}" + "".join(f"{rate:>8.0%}" for rate in rates))
    for fault in BROKEN:
        _, broken = recorded(tmp_path / fault, [f"{fault}=0.5"], tier="smoke")
        samples = [one for one in broken if _attempts(one) and _attempts(one)[0].failure]
        row = [sum(_fails(plan, right, samples, rate, seed) for seed in range(SEEDS)) for rate in rates]
        print(f"{fault:34}" + "".join(f"{count:>8}" for count in row))
        assert row[0] >= LEAST * SEEDS, fault
        assert row[3] <= SEEDS - LEAST * SEEDS, fault


def _attempts(sent: Sent) -> tuple[Attempt, ...]:
    answered = sent.exchange and (sent.exchange.completion or sent.exchange.rejection)
    return answered.attempts if answered else sent.attempts


def _moved(broken: Sent, sent: Sent) -> Sent:
    """A broken request at the time of another one."""
    began = _attempts(sent)[0].started
    tries = _attempts(broken)
    moved = tuple(replace(one, started=one.started - tries[0].started + began) for one in tries)
    if broken.exchange is None or broken.exchange.completion is None:
        return replace(broken, exchange=None, attempts=moved)
    completion = replace(broken.exchange.completion, attempts=moved)
    return replace(broken, exchange=replace(broken.exchange, completion=completion))


def _fails(plan: RunPlan, right: Sequence[Sent], samples: Sequence[Sent], rate: float, seed: int) -> bool:
    rng, tally = random.Random(seed), DeliveryTally()
    for sent in right:
        tally.add(_moved(rng.choice(samples), sent) if rng.random() < rate else sent)
    found = tally.delivery(plan)
    return found is not None and found.verdict is Verdict.FAIL


def test_no_false_alarm(tmp_path: Path) -> None:
    """1000 smoke runs whose answers are drawn from those of right vendors, with and without legal oddities."""
    plan, answers = recorded(tmp_path / "plain", [])
    answers += recorded(tmp_path / "odd", ODDITIES)[1]
    answers += recorded(tmp_path / "scored", [], tier="smoke", benchmarks="aime2025,toolcall")[1]
    known = {planned.id for planned in plan.benchmarks}
    pool = [sent for sent in answers if sent.place.benchmark in known]
    runs = (random.Random(seed).choices(pool, k=SMOKE) for seed in range(RUNS))
    false = sum(bool(_found(plan, sent)) for sent in runs)
    print(f"\n{false} of {RUNS} smoke runs of right vendors have a finding above information ({len(pool)} answers)")
    assert false == 0


def test_no_false_alarm_in_whole_runs(tmp_path: Path) -> None:
    """Smoke runs of right vendors, each with a seed of its own and some legal oddities at rates of their own."""
    profiles = loader.names()
    plans = {name: recorded(tmp_path / name, [], tier="smoke", profile=name)[0] for name in profiles}
    probes = {name: probes_of("smoke", name) for name in profiles}
    false: dict[str, int] = {}
    for seed in range(RUNS):
        rng, name = random.Random(seed), profiles[seed % len(profiles)]
        odd = [f"{oddity}={rng.uniform(0.05, 1):.2f}" for oddity in ODDITIES if rng.random() < 0.5]
        vendor = DirectVendor(name, odd, model=plans[name].endpoint.model, seed=seed)
        for cause in told(plans[name], probes[name], vendor):
            false[cause] = false.get(cause, 0) + 1
    print(f"\nfalse alarms in {RUNS} smoke runs of right vendors, of {len(profiles)} profiles: {false or 'none'}")
    assert false == {}


LONG: dict[str, str] = {
    "prose": "".join(f"{at}. The capital of Norway is Oslo; it was founded about {at}. " for at in range(20_000)),
    "one sign": "!" * SIZE,
    "one word": "a" * (SIZE - 1) + "b",
    "one line": "The same line again\n" * (SIZE // 20),
    "spaces": " " * SIZE,
    "line breaks": "\n" * SIZE,
    "fences": "```\n" * (SIZE // 4),
    "quotes": "`" * SIZE,
    "brackets": "{" * SIZE,
    "almost markers": "<|" * (SIZE // 2),
    "markers": "<|open|>think<|sep|>" * (SIZE // 20),
    "ends of thinking": "</think>" * (SIZE // 8),
    "replacement": "\ufffd" * SIZE,
    "misread": "Ã©" * (SIZE // 2),
    "Chinese": "挪威的首都是奥斯陆，" * (SIZE // 10),
    "escapes": "\\ud83d" * (SIZE // 6),
    "objects": '{"a":1}' * (SIZE // 7),
    "JSON": '{"a":"' + "b c " * (SIZE // 4) + '"}',
}
CHECKS: dict[str, Callable[[SeenAnswer], Iterator[Sign]]] = {
    "markers": lambda seen: markers.marker_signs(seen, K2),
    "damage": damage.damage_signs,
    "calls": calls.call_signs,
    "filing": filing.filing_signs,
    "usage": usage.usage_signs,
}


def test_long_answers() -> None:
    """Milliseconds that each check takes for an answer of a million characters: in content, thinking or arguments."""
    request = '{"response_format":{"type":"json_object"},"max_tokens":9}'
    print(f"\n{'a million characters':22}" + "".join(f"{name:>10}" for name in CHECKS))
    for name, text in LONG.items():
        facts = {"request": request, "usage": counted(9, 9)}
        given = [answer(text, **facts), answer("x", reasoning=text, **facts), answer(tool_calls=calling(text), **facts)]
        row = [max(_milliseconds(check, seen) for seen in given) for check in CHECKS.values()]
        print(f"{name:22}" + "".join(f"{cost:>10.1f}" for cost in row))
        assert max(row) < MILLISECONDS, name


def _milliseconds(check: Callable[[SeenAnswer], Iterator[Sign]], seen: SeenAnswer) -> float:
    """The best of three, so that other work on the machine does not count."""
    costs = []
    for _ in range(3):
        began = time.process_time()
        list(check(seen))
        costs.append(1000 * (time.process_time() - began))
    return min(costs)
