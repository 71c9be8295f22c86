"""Runs of two vendors are compared as vendors, and several runs in one table."""

import io
from collections.abc import Mapping
from dataclasses import replace

from entrypoint.comparison import print_comparison
from kvv_action.compare.files import document, parse, render
from kvv_action.compare.judge import compare
from kvv_action.compare.page import page_part
from kvv_action.compare.records import Effect, Regression, RunComparison
from kvv_action.compare.several import compare_several, render_several, table_rows
from kvv_action.compare.side import Side
from kvv_action.schema import Diagnosis, Verdict
from tests.compare.sides import BUNDLED, Values, benchmark, probes, side
from tests.compare.test_findings import LEAK
from tests.report.reports import REPORT

RIGHT: Values = {f"s{n}": [1.0] for n in range(200)}
CHOICES: Mapping[str, object] = {"verdicts": {"version": 2}, "checks": {"version": 2, "markers": [], "names": []}}


def without(right: Values, count: int) -> Values:
    """The same answers with the first ones wrong."""
    return {name: [float(number >= count)] for number, name in enumerate(right)}


def run(vendor: str, values: Values, *, exact: bool = False) -> Side:
    """A run of a plan of today at a vendor."""
    found = side((probes() if exact else benchmark("quiz"), values), report=REPORT)
    report = found.report
    plan = replace(report.plan, choices=CHOICES)
    endpoint = replace(report.endpoint, vendor=vendor)
    return replace(found, report=replace(report, plan=plan, endpoint=endpoint, findings=()))


def between(base: Side, new: Side) -> RunComparison:
    return compare(base, new, vendors=True)


def test_vendors_are_called_by_their_names() -> None:
    """No sentence speaks of before, now, a baseline or a change."""
    found = between(run("alpha.example", RIGHT), run("beta.example", without(RIGHT, 30)))
    assert found.regression is Regression.REGRESSION
    assert found.headline.startswith("beta.example is worse than alpha.example: Quiz −15.0 points")
    page = document(found)
    for words in ("before", "Before", "baseline", " Now ", " now ", "Did this change", "Fell", "no longer"):
        assert words not in page.replace("what chance does not explain", ""), words
    assert "| Benchmark | Finding | alpha.example | beta.example |" in page
    drawn = page_part(found)
    assert "Before and now" not in drawn.section
    assert "alpha.example" in drawn.section


def test_one_probe_does_not_make_a_vendor_worse() -> None:
    """Of one vendor it is a regression; between vendors chance explains it."""
    few: Values = {f"p{n}": [1.0] for n in range(40)}
    base, new = run("alpha", few, exact=True), run("beta", without(few, 1), exact=True)
    assert compare(base, new).regression is Regression.REGRESSION
    found = between(base, new)
    assert found.parts[0].finding in (Effect.SAME, Effect.UNCLEAR)
    assert "worse than" not in found.headline
    assert "p0" in document(found)  # which probe differs is shown all the same
    shown = between(base, run("beta", without(few, 12), exact=True))
    assert shown.headline.startswith("beta is worse than alpha: Probes −30.0 points")


def test_a_finding_of_one_answer_is_no_difference_between_vendors() -> None:
    """But one of many answers is."""

    def with_leak(found: Side, count: int) -> Side:
        leak = replace(LEAK, count=count)
        results = tuple(
            replace(one, counts=replace(one.counts, planned=200, sent=200, scored=200, unparsed=0, failed=0, skipped=0))
            for one in found.report.benchmarks
        )
        return replace(
            found, report=replace(found.report, findings=(leak,) if count else (), benchmarks=results)
        )  # fmt: skip

    base = with_leak(run("alpha", RIGHT), 0)
    one, many = (between(base, with_leak(run("beta", RIGHT), count)) for count in (1, 20))
    assert [found.findings[0].finding for found in (one, many)] == [Effect.SAME, Effect.WORSE]
    assert one.findings[0].reason == (
        "fails beta alone, but the difference may be chance: not seen at alpha, 1 of 200 (0.5 %) at beta"
    )
    assert many.headline == f"beta is worse than alpha: {LEAK.cause}"
    assert "### Seen only at beta" in document(many)


def test_better_is_told_of_the_vendor() -> None:
    """And is no regression."""
    found = between(run("alpha", without(RIGHT, 30)), run("beta", RIGHT))
    assert (found.regression, found.headline.partition(";")[0]) == (
        Regression.NONE, "beta is better than alpha: Quiz +15.0 points",
    )  # fmt: skip


def test_a_run_of_the_same_vendor_is_a_change() -> None:
    """Also where vendors could be compared; and a baseline stands for a change, whatever host it ran at."""
    same = between(run("alpha", RIGHT), run("alpha", without(RIGHT, 30)))
    other = compare(run("alpha", RIGHT), run("beta", without(RIGHT, 30)))
    assert [found.headline.partition(":")[0] for found in (same, other)] == ["Yes", "Yes"]
    assert not same.vendors


def test_a_comparison_of_vendors_is_read_again() -> None:
    """Markdown follows from compare.json alone."""
    found = between(run("alpha", RIGHT), run("beta|`_<b>", without(RIGHT, 30)))
    files = render(found)
    assert parse(files["compare.json"]) == found
    assert render(parse(files["compare.json"])) == files


def test_the_page_for_a_reviewer_has_a_line_a_table_and_folds_the_rest() -> None:
    """Each fold is closed; the answers of a sample stand beside each other."""
    found = between(run("alpha", RIGHT), run("alpha", without(RIGHT, 30)))
    lines = document(found).splitlines()
    assert lines[0].startswith("## ❌ Did this change break the model? Yes: Quiz −15.0 points")
    assert lines[2].startswith("| Benchmark | Finding | Before | Now |")
    text = "\n".join(lines)
    assert text.count("<details>") == text.count("</details>") >= 2
    assert "<details open>" not in text
    assert "| Before (epoch 0) | Now (epoch 0) |" in text


def test_several_runs_make_one_table() -> None:
    """A column per run, each compared with the first; the worst answer is that of all."""
    sides = [run("alpha", RIGHT), run("beta", RIGHT), run("gamma", without(RIGHT, 40))]
    table = compare_several(sides, ["a", "b", "c"])
    assert table.names == ("alpha", "beta", "gamma")
    assert table.regression is Regression.REGRESSION
    assert table.headline == "Compared with alpha: gamma is worse; beta is not shown to differ"
    heads, row = table_rows(table)
    assert heads == ["Benchmark", "alpha", "beta", "gamma"]
    assert row == ["Quiz", "100.0 %", "100.0 % (0.0) ✅ no change", "80.0 % (−20.0) ❌ worse"]
    page = render_several(table)["compare.md"].decode()
    assert page.startswith("## ❌ Compared with alpha: gamma is worse; beta is not shown to differ\n\n| Benchmark |")


def test_runs_of_one_vendor_are_called_by_their_folders() -> None:
    """Names that say nothing apart are no names."""
    table = compare_several([run("alpha", RIGHT)] * 3, ["runs/a", "runs/b", "runs/c"])
    assert table.names == ("runs/a", "runs/b", "runs/c")


def test_more_runs_need_more_than_chance_in_all_of_them() -> None:
    """What just shows between two runs does not show among ten comparisons."""
    base, fallen = run("alpha", RIGHT), without(RIGHT, 7)
    alone = between(base, run("v0", fallen))
    table = compare_several([base, *(run(f"v{number}", fallen) for number in range(10))], [""] * 11)
    assert alone.regression is Regression.REGRESSION
    assert table.regression is not Regression.REGRESSION


def test_bundled_samples_are_compared_between_vendors_too() -> None:
    """One answer of three shows nothing."""
    quiz = benchmark("quiz", dataset=BUNDLED)
    base, new = side((quiz, {"a": [1.0], "b": [1.0]})), side((quiz, {"a": [0.0], "b": [1.0]}))

    def at(found: Side, vendor: str) -> Side:
        report = found.report
        return replace(
            found,
            report=replace(
                report, plan=replace(report.plan, choices=CHOICES), endpoint=replace(report.endpoint, vendor=vendor)
            ),
        )

    assert between(at(base, "a"), at(new, "b")).regression is Regression.UNKNOWN


def test_what_only_one_vendor_has_is_told_at_that_vendor() -> None:
    """Causes and settings that differ: nothing was seen before, and nothing is gone."""
    base, new = run("alpha", RIGHT), run("Beta", without(RIGHT, 30))
    (result,) = base.report.benchmarks
    marked = replace(result, diagnosis=(Diagnosis(cause="calls are lost", remedy="mend it", count=3),))
    plan = replace(base.report.plan, seed=base.report.plan.seed + 1)
    base = replace(base, report=replace(base.report, benchmarks=(marked,), plan=plan))
    found = between(base, new)
    page, drawn = document(found), page_part(found)
    assert "- only at alpha: calls are lost" in page
    assert f"asked differently: seed: at alpha {plan.seed}, at Beta {plan.seed - 1}" in page
    assert "only at alpha: <bdi>calls are lost</bdi>" in drawn.section
    assert "<bdi>Better at Beta</bdi>" in drawn.section
    assert not any("no longer seen" in text for text in (page, drawn.section))


def test_benchmarks_with_one_reason_are_told_once() -> None:
    """A gate that failed at one vendor says the same of every benchmark behind it."""
    names = ("quiz", "riddle", "puzzle")
    several = side(*((benchmark(name), RIGHT) for name in names), report=REPORT)

    def at(vendor: str) -> Side:
        report = several.report
        plan, endpoint = replace(report.plan, choices=CHOICES), replace(report.endpoint, vendor=vendor)
        return replace(several, report=replace(report, plan=plan, endpoint=endpoint, findings=()))

    gate = "Pre-Verification failed: tokens.growth"
    found = between(at("alpha"), at("beta"))
    shut = tuple(replace(part, finding=Effect.UNCLEAR, reason=gate) for part in found.parts)
    closed = replace(found, parts=shut)
    assert document(closed).count(f"\n{gate}\n") == 1
    assert f"<summary>{', '.join(part.title for part in shut)}: cannot tell</summary>" in document(closed)
    told = io.StringIO()
    print_comparison(closed, told)
    assert told.getvalue().count(gate) == 1


def test_what_makes_two_vendors_is_not_called_another_way_of_asking() -> None:
    """Name and address are those of the vendors; other settings are told as a person writes them."""
    base, new = run("alpha", RIGHT), run("beta", RIGHT)
    plans = [
        replace(
            one.report.plan, limit=limit, endpoint=replace(one.report.endpoint, base_url=f"https://{limit}.example")
        )
        for one, limit in ((base, None), (new, 3))
    ]
    sides = [replace(one, report=replace(one.report, plan=plan)) for one, plan in zip((base, new), plans, strict=True)]
    assert between(*sides).asked_differently == ("limit: at alpha not set, at beta 3",)


def test_better_is_told_beside_what_cannot_be() -> None:
    """A vendor that failed its gate was asked nothing else; the other one is better all the same."""
    gate = "Pre-Verification failed: p0"

    def at(vendor: str, values: Values, *, shut: bool) -> Side:
        found = side((probes(), values), (benchmark("quiz"), {} if shut else RIGHT), report=REPORT)
        report = found.report
        closed = {"verdict": Verdict.SKIPPED, "reason": gate} if shut else {}
        results = tuple(replace(one, **closed) if one.id == "quiz" else one for one in report.benchmarks)
        plan, endpoint = replace(report.plan, choices=CHOICES), replace(report.endpoint, vendor=vendor)
        return replace(found, report=replace(report, benchmarks=results, plan=plan, endpoint=endpoint, findings=()))

    few: Values = {f"p{n}": [1.0] for n in range(40)}
    found = between(at("alpha", without(few, 12), shut=True), at("beta", few, shut=False))
    assert found.regression is Regression.UNKNOWN
    assert found.headline.startswith("beta is better than alpha: Probes +30.0 points; cannot tell: Quiz")
    assert found.parts[1].reason == f"nothing to compare: at alpha: {gate}"


def test_the_page_has_the_table_before_the_words() -> None:
    """The details follow the table, and a heading has no ids of samples: the rows below it have them."""
    few: Values = {f"p{n}": [1.0] for n in range(40)}
    found = compare(run("alpha", few, exact=True), run("alpha", without(few, 2), exact=True))
    section = page_part(found).section
    assert section.index("<table") < section.index("In detail")
    assert "<h3><bdi>Probes: 2 of 40 probes no longer hold</bdi></h3>" in section
    assert "T00:00" not in section.split("<table")[0]
