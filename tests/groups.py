"""Which tests are fast, and which are run by one process. A new test falls into the right group by itself."""

import functools
import inspect
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import pytest

from tests.pipeline import command
from tests.sharing import made_once

SLOW_MARKERS = frozenset({"docker", "parity", "perf", "pipeline", "servers", "slow"})
SLOW_TESTS = {
    "tests/ask/test_contact.py": ("test_hostile_words_take_no_time",),
    "tests/ask/test_loop.py": ("test_no_answer_keeps_the_loop", "test_no_judgement_keeps_the_loop"),
    "tests/ask/test_resume.py": ("test_killed_at_any_byte_the_result_is_the_same",),
    "tests/ask/test_schedule.py": (
        "test_containers_neither_starve_nor_hold_connections",
        "test_lengths_that_nobody_can_know_have_their_price",
        "test_the_whole_takes_the_time_of_the_bottleneck",
        "test_what_is_expected_is_scheduled_in_next_to_no_more_time_than_it_needs",
    ),
    "tests/ask/test_stopping.py": ("test_a_killed_run_reaches_the_same", "test_the_order_of_arrival_does_not_matter"),
    "tests/benchmarks/test_aime.py": (
        "test_a_cut_exemplar_loses_its_result",
        "test_thinking_is_not_searched_for_an_answer",
    ),
    "tests/benchmarks/test_causes.py": ("test_a_cause_is_fit_for_a_page",),
    "tests/benchmarks/test_no_maker.py": ("test_every_place_that_may_name_one_does", "test_no_maker_is_named"),
    "tests/benchmarks/test_no_names.py": ("test_no_benchmark_is_known_by_name",),
    "tests/benchmarks/test_options.py": ("test_a_plan_gives_back_what_was_chosen",),
    "tests/bundle/test_redaction.py": ("test_nothing_foreign_stays",),
    "tests/bundle/test_unpack.py": ("test_a_bomb_is_stopped_early", "test_a_hostile_archive_is_refused"),
    "tests/coding/test_commits.py": ("test_the_patch_applies_whatever_the_repository_says_of_differences",),
    "tests/contract/test_linters.py": ("test_schema",),
    "tests/contract/test_release.py": ("test_a_commit_that_does_more_or_less_is_refused",),
    "tests/contract/test_verify_workflow.py": (
        "test_inputs_and_outputs_exist",
        "test_names_that_no_artifact_can_have_are_refused",
        "test_shards_are_merged_as_they_were_left",
    ),
    "tests/deepswe/test_tasks.py": ("test_what_cannot_be_followed_is_refused",),
    "tests/endpoint/test_bounds.py": (
        "test_a_flood_ends_in_time_and_in_words",
        "test_fifty_honest_answers_of_100k_tokens_never_use_up_the_memory",
        "test_what_costs_much_to_read_is_refused_before_it_is_read",
        "test_what_grows_is_counted",
    ),
    "tests/endpoint/test_client.py": ("test_five_hundred_connections_are_held",),
    "tests/endpoint/test_reassembly.py": (
        "test_hostile_chunks_only_ever_raise_endpoint_errors",
        "test_hostile_documents_only_ever_raise_endpoint_errors",
    ),
    "tests/entrypoint/test_help.py": ("test_what_only_some_runs_need_is_not_imported",),
    "tests/entrypoint/test_profile_scout.py": ("test_a_profile_is_recovered",),
    "tests/entrypoint/test_start.py": ("test_what_a_later_step_needs_is_not_imported_before_the_first_request",),
    "tests/findings/test_arbitrary.py": ("test_any_answer_can_be_looked_at", "test_any_text_can_be_taken_apart"),
    "tests/findings/test_copies.py": (
        "test_lost_and_repeated_pieces_are_told",
        "test_nonsense_is_looked_at_in_no_time",
        "test_what_a_right_model_does_is_no_damage",
    ),
    "tests/fingerprint/test_capture.py": (
        "test_a_capture_of_a_vendor_is_as_far_as_its_model",
        "test_probabilities_after_top_p_are_recognised",
    ),
    "tests/fingerprint/test_inside.py": (
        "test_a_capture_has_positions_inside_prompts",
        "test_a_file_with_places_out_of_order_is_refused",
        "test_captures_are_compared_by_them",
    ),
    "tests/fingerprint/test_judgement.py": (
        "test_an_ignored_temperature_is_seen_in_drawn_tokens",
        "test_each_server_gets_its_verdict",
    ),
    "tests/fingerprint/test_power.py": ("test_most_verdicts_are_right",),
    "tests/github/test_attestation.py": ("test_the_signer_at_a_ref_that_its_maintainers_publish",),
    "tests/journal/test_merge.py": (
        "test_any_division_gives_the_same",
        "test_shards_say_what_one_run_says",
    ),
    "tests/leaderboard/site/test_build.py": (
        "test_a_folder_that_is_no_site_is_left_alone",
        "test_a_reference_is_told_where_it_stands",
        "test_awkward_ids_have_places_of_their_own",
        "test_published_scores_can_be_left_out",
        "test_the_home_is_the_table_of_the_first_model",
        "test_the_same_records_are_the_same_bytes",
    ),
    "tests/leaderboard/test_forgeries.py": (
        "test_forged_submissions_are_refused_with_their_reason",
        "test_honest_submissions_are_taken_with_their_marks",
    ),
    "tests/leaderboard/test_pick.py": ("test_a_seed_chooses_one_result_of_each_vendor_that_can_be_asked",),
    "tests/leaderboard/test_verdict_consistency.py": ("test_what_a_run_concludes_is_what_its_record_may_say",),
    "tests/mmmu_pro/test_benchmark.py": ("test_the_script_draws_what_is_bundled",),
    "tests/parity/test_deepswe.py": ("test_their_graders_decide",),
    "tests/plan/test_estimate.py": (
        "test_a_whole_run_takes_what_was_said",
        "test_containers_are_the_bottleneck_of_what_needs_them",
    ),
    "tests/plan/test_tokens.py": ("test_texts_are_reckoned_in_slices_by_the_rule",),
    "tests/plan/test_variants.py": ("test_false_alarms_are_rare_and_real_gaps_are_found",),
    "tests/precheck/test_crash_classes.py": ("test_exactly_the_class_is_named",),
    "tests/precheck/test_crashes.py": ("test_traits_can_be_taken_away",),
    "tests/precheck/test_messages.py": (
        "test_a_fault_breaks_its_probes_alone",
        "test_a_right_vendor_is_asked_no_more_than_planned",
        "test_what_is_only_recommended_is_information_to_a_compatible_contract",
    ),
    "tests/precheck/test_mfjs.py": (
        "test_hostile_answers_are_judged",
        "test_schema_is_valid_and_the_embedded_vendor_meets_it",
        "test_texts_are_checked_within_bounds",
    ),
    "tests/precheck/test_outline.py": ("test_no_probe_asks_more_often_than_it_says",),
    "tests/precheck/test_shipped.py": ("test_shipped_profiles_are_played_right_and_wrong",),
    "tests/precheck/test_streaming.py": (
        "test_a_good_stream_keeps_every_item",
        "test_a_lone_surrogate_is_a_broken_character_and_nothing_else",
        "test_a_symptom_breaks_the_protocol",
        "test_what_breaks_an_item_means_what_it_weighs",
    ),
    "tests/precheck/test_text.py": (
        "test_a_fault_damages_its_texts_alone",
        "test_a_right_vendor_copies_at_the_first_try",
        "test_malformed_log_probabilities_are_a_warning",
        "test_the_form_of_log_probabilities",
    ),
    "tests/precheck/test_tokens.py": (
        "test_a_pattern_shows_where_thinking_cannot_be_turned_off",
        "test_each_pattern_has_its_own_diagnosis",
        "test_faults_together_are_all_named",
        "test_one_case_alone_is_no_pattern",
        "test_patterns_are_named",
    ),
    "tests/precheck/test_tools.py": ("test_a_hostile_answer_is_data",),
    "tests/profiles/test_margins.py": ("test_the_full_tier_decides",),
    "tests/profiles/test_times.py": ("test_a_tier_takes_its_time", "test_only_what_is_too_long_is_left_out_of_smoke"),
    "tests/report/test_causes.py": ("test_causes_of_strangers_form_no_markup",),
    "tests/report/test_findings.py": ("test_a_report_of_strangers_forms_no_markup",),
    "tests/report/test_html.py": ("test_a_page_of_many_bad_samples_stays_small", "test_hostile_texts_are_text"),
    "tests/report/test_markdown.py": ("test_sections_go_one_by_one",),
    "tests/scoring/test_boxed_answers.py": (
        "test_both_ways_say_the_same",
        "test_no_process_is_started_before_an_answer_that_needs_it",
    ),
    "tests/scoring/test_math.py": (
        "test_many_answers_at_once",
        "test_no_answers",
        "test_only_the_end_of_a_huge_answer_is_looked_at",
        "test_right_answers",
        "test_the_process_knows_nothing_of_our_environment",
        "test_wrong_answers",
    ),
    "tests/scoring/test_toolcalls.py": (
        "test_a_catastrophic_pattern_ends_at_the_deadline",
        "test_references_that_lead_nowhere",
    ),
    "tests/simulator/test_distributions.py": ("test_probes_see_nothing_of_it", "test_repeats_differ_as_asked"),
    "tests/simulator/test_faults.py": ("test_rate_of_a_content_fault",),
    "tests/statistics/test_spending.py": ("test_all_looks_together_err_as_often_as_allowed",),
    "tests/test_redact.py": ("test_a_secret_is_found_wherever_a_long_text_is_cut", "test_hostile_text_takes_no_longer"),
    "tests/test_worker.py": ("test_a_process_that_breaks_is_told",),
    "tests/verdict/test_noninferiority.py": ("test_paired_limits_hold_their_error",),
    "tests/verdict/test_report.py": ("test_denominators_always_add_up",),
}
"""Tests that take about half a second of a processor or more, all cases of one together, by file."""
SLOW_FIXTURES = frozenset({"browser"})
WHOLE_COMMANDS = frozenset({command.kvv, command.demo, command.start, command.fork, command.vendor})
"""What runs `kvv` as a user does, or serves for it."""
WHOLE_RUN = ("entrypoint.compose", "run_verification")
"""What such a command does, by module and name: importing it would take longer than most tests."""

Code = Callable[..., Any]


def is_fast(item: pytest.Item) -> bool:
    """Whether a test needs no engine, no browser, no real records and no whole command, and is not marked slow."""
    if any(marker.name in SLOW_MARKERS for marker in item.iter_markers()):
        return False
    if not isinstance(item, pytest.Function):
        return True
    if item.originalname in SLOW_TESTS.get(item.nodeid.partition("::")[0], ()):
        return False
    if SLOW_FIXTURES.intersection(item.fixturenames):
        return False
    return not any(_reaches_a_whole_command(function) for function in (item.function, *_fixtures(item)))


def shared_by(item: pytest.Item) -> str | None:
    """The module whose fixtures make something once for all processes: tests that need it would wait for each other."""
    functions = _fixtures(item) if isinstance(item, pytest.Function) else ()
    return next((function.__module__ for function in functions if _makes_once(function)), None)


@functools.cache
def _makes_once(function: Code) -> bool:
    """Whether a fixture makes something with `made_once`."""
    return made_once in _named(function)


def _fixtures(item: pytest.Function) -> Iterator[Code]:
    """The functions of all fixtures that a test uses, also by way of others."""
    for definitions in item._fixtureinfo.name2fixturedefs.values():
        for definition in definitions:
            yield definition.func


@functools.cache
def _reaches_a_whole_command(function: Code) -> bool:
    """Whether a function, or any of the tests' own that it leads to, names a whole command or a whole run."""
    seen, ahead = set[Code](), [inspect.unwrap(function)]
    while ahead:
        found = ahead.pop()
        if found in WHOLE_COMMANDS or _name(found) == WHOLE_RUN:
            return True
        if found not in seen:
            seen.add(found)
            ahead += _named(found)
    return False


def _named(function: Code) -> Iterator[Code]:
    """The functions of `tests`, the methods of its classes, and the whole run, that a function names."""
    code, known = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    for value in (known.get(name) for name in _names(code)):
        if _name(value) == WHOLE_RUN:
            yield value
        elif not _name(value)[0].startswith("tests."):
            continue
        elif inspect.isfunction(value):
            yield value
        elif inspect.isclass(value):
            yield from (method for _, method in inspect.getmembers(value, inspect.isfunction))


def _name(value: object) -> tuple[str, str]:
    """The module and the name of a function or class; empty texts of anything else."""
    return str(getattr(value, "__module__", None) or ""), str(getattr(value, "__name__", ""))


def _names(code: CodeType | None) -> Iterator[str]:
    """Every global name in a function and in what is defined inside it."""
    if code is not None:
        yield from code.co_names
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from _names(constant)
