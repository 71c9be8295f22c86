"""Untrusted text made visible and short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvv_action.report.markdown.escape import option, text, words_as_code
from kvv_action.report.text import number, one_line, percent, seconds, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢 😀", "plain é 漢 😀"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\rb", "a\\x0db"),
        ("\u202ertl", "\\u202ertl"),
        ("\u200b\ufeff\u00ad", "\\u200b\\ufeff\\xad"),
        ("\ud800", "\\ud800"),
        ("\ufffe\uffff\ufdd0", "\\ufffe\\uffff\\ufdd0"),
        ("\U000e0041", "\\ue0041"),
    ],
)
def test_what_cannot_be_seen_is_escaped(text: str, shown: str) -> None:
    """Nothing disappears silently, nothing acts on a terminal."""
    assert visible(text) == shown


@given(st.text(), st.integers(1, 50))
def test_a_limit_is_kept(text: str, limit: int) -> None:
    """Also when escapes make a text longer."""
    assert len(visible(text, limit)) <= limit


@given(st.text(st.characters(), max_size=50))
def test_one_line_is_one_line(text: str) -> None:
    """By every definition of a line."""
    assert len(one_line(text).splitlines()) <= 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0.0, "0 ms"),
        (0.25, "250 ms"),
        (1.0, "1.0 s"),
        (89.9, "89.9 s"),
        (90, "1 min 30 s"),
        (7322, "2 h 02 min"),
    ],
)
def test_durations(value: float | None, shown: str) -> None:
    """In the unit that a person would use."""
    assert seconds(value) == shown


def test_numbers_and_percentages() -> None:
    """Thin spaces, one digit, a dash for nothing."""
    assert number(1234567) == "1\u2009234\u2009567"
    assert (percent(0.9667), percent(None), percent(1.0)) == ("96.7 %", "–", "100.0 %")


def test_a_quoted_text_and_an_option_are_one_code_span() -> None:
    """So a quotation with markup reads as one, and an option can be copied; plain quotations stay words."""
    with words_as_code():
        assert text("content holds '<b>bold</b> and more'") == "content holds '`<b>bold</b> and more`'"
        assert text("'value' is a required property") == "'value' is a required property"
        assert text("(vLLM: --reasoning-parser NAME)") == "(vLLM: `--reasoning-parser NAME`)"
        assert option("--reasoning-parser NAME") == "`--reasoning-parser NAME`"
        assert option("openai/ with api_base") == "openai/ with `api_base`"
    assert option("--reasoning-parser NAME") == "--reasoning-parser NAME"


@pytest.mark.parametrize(
    ("remedy", "written"),
    [
        ("in proxies (nginx: proxy_buffering off, X: no)", "in proxies (nginx: `proxy_buffering off`, X: no)"),
        ("LiteLLM: drop_params: false), then on", "LiteLLM: `drop_params: false`), then on"),
        ("a_b: falsehood, c_d: true", "`a_b`: falsehood, `c_d: true`"),
        ("pass response_format on, also where n > 1", "pass `response_format` on, also where n &#62; 1"),
        ("`required` none of these", "`required` none of these"),
        ("answer with {data: [{id}]}, or with 404", "answer with `{data: [{id}]}`, or with 404"),
        ("fill {id, top_logprobs} and {not closed, a_b", "fill `{id, top_logprobs}` and {not closed, `a_b`"),
        ("fill reasoning_content, finish_reason and model", "fill `reasoning_content`, `finish_reason` and model"),
        (
            "(A: --x-parser NAME; B: --step 1) or --parser qwen3.",
            "(A: `--x-parser NAME`; B: `--step 1`) or `--parser qwen3`.",
        ),
        ("set tool_choice (auto) or tool_choice: none", "set `tool_choice` (auto) or `tool_choice`: none"),
    ],
)
def test_a_code_span_holds_a_setting_with_its_value_and_no_other(remedy: str, written: str) -> None:
    """It neither ends before the value nor goes over a comma; what stands in braces is one."""
    with words_as_code():
        assert text(remedy) == written
