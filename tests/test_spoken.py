"""What failed requests say, in the forms of real servers, gateways and clouds."""

import time

import orjson
import pytest

from kvv_action.spoken import is_page, message_in, page_in_words

FORMS = {
    '{"error": {"message": "no such model", "type": "x", "code": "y"}}': "no such model",
    '{"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}': "model: x",
    '{"error": "model not found"}': "model not found",
    '{"message": "Invalid API-key provided.", "code": "InvalidApiKey"}': "Invalid API-key provided.",
    '{"detail": "Not Found"}': "Not Found",
    '{"detail": {"error": "quota", "message": "No credit"}}': "quota: No credit",
    '{"detail": [{"type": "missing", "loc": ["body", "messages", 0], "msg": "Field required"}]}':
        "body.messages.0: Field required",
    '[{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}]': "API key not valid.",
    '{"success": false, "errors": [{"code": 1, "message": "Authentication error"}]}': "Authentication error",
    '{"errors": [{"message": "one"}, {"message": "two"}, {"message": "one"}]}': "one; two",
    '{"error": "invalid_token", "error_description": "The token expired"}': "invalid_token: The token expired",
    '{"status": 404, "error": "Not Found", "message": "No handler", "path": "/x"}': "Not Found: No handler",
    '{"error_code": 110, "error_msg": "Access token invalid"}': "Access token invalid",
    '{"Response": {"Error": {"Code": "AuthFailure", "Message": "The key is wrong"}}}': "The key is wrong",
    '{"code": 500, "msg": "404 NOT_FOUND", "success": false}': "404 NOT_FOUND",
    '{"title": "Unauthorized", "status": 401}': "Unauthorized",
    '{"title": "Unauthorized", "detail": "No subscription key", "status": 401}': "No subscription key",
    '{"fault": {"faultstring": "x"}, "message": "denied"}': "denied",
    '"plain"': "plain",
    '{"error": {}, "message": "beside"}': "beside",
    '{"data": []}': "",
    "[]": "",
    "7": "",
    "null": "",
    '{"error": {"error": {"error": {"error": {"error": {"message": "too deep"}}}}}}': "",
}  # fmt: skip


@pytest.mark.parametrize("text", FORMS)
def test_the_sentence_of_an_error(text: str) -> None:
    """Whoever wrote it."""
    assert message_in(orjson.loads(text)) == FORMS[text]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<html>\r\n<head><title>502 Bad Gateway</title></head>", "a web page titled '502 Bad Gateway'"),
        ("<!DOCTYPE html><title lang=en>\n Sign in &amp; go </title>", "a web page titled 'Sign in & go'"),
        ("<!-- cached --><html><body>x", "a web page"),
        ("<head><title></title>", "a web page"),
    ],
)
def test_a_page_is_told_by_its_title(body: str, told: str) -> None:
    """Not by its markup."""
    assert is_page(body)
    assert page_in_words(body) == told


@pytest.mark.parametrize("body", ["", "Internal Server Error", '{"html": "<html>"}', "<think>hello"])
def test_what_is_no_page(body: str) -> None:
    """Text, JSON and an answer that begins with a marker."""
    assert not is_page(body)


@pytest.mark.parametrize(
    "body",
    [
        "<!---->" * 9000, "<!-- " * 13_000, "<!--" + "-->" * 20_000, "<?xml" * 13_000, "<?xml " + " " * 60_000,
        "<html>" + "<title" * 10_000, "<html>" + "<title>" * 9000, "<html><title>" + " " * 60_000, "<title a" * 8000,
    ],
)  # fmt: skip
def test_no_page_takes_long(body: str) -> None:
    """A pattern that goes back over what it matched would take seconds, and some hours."""
    began = time.thread_time()
    is_page(body)
    page_in_words(body)
    assert time.thread_time() - began < 0.05


def test_comments_before_a_page() -> None:
    """As some generators write them; their ends may stand in a title."""
    page = "\ufeff<?xml version='1.0'?>\n<!-- a -->\n<!-- b -->\n<!DOCTYPE html><title>502 <Bad> --> Gateway</title>"
    assert is_page(page)
    assert page_in_words(page) == "a web page titled '502 <Bad> --> Gateway'"
