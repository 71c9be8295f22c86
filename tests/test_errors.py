"""Exceptions of Python and of libraries are told in words."""

import errno
import os

import pytest
from pydantic import TypeAdapter, ValidationError

from kvv_action.errors import about_file, in_words, nearest
from kvv_action.schema import Quantiles


class ReadTimeoutError(Exception):
    """One that says nothing."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("kind"), "'kind' is missing"),
        (OSError(errno.ENOENT, os.strerror(errno.ENOENT), "/secret/path"), "No such file or directory"),
        (ValueError("two\n lines"), "two lines"),
        (ReadTimeoutError(), "read timeout error"),
    ],
)
def test_no_name_of_a_class_is_told(error: Exception, words: str) -> None:
    """What was wrong, on one line."""
    assert in_words(error) == words


def test_a_record_that_does_not_fit_names_the_field() -> None:
    """The first field alone, without addresses of the library's pages."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Quantiles).validate_python({"p50": "x", "p95": "y"})
    assert in_words(caught.value).startswith("p50: input should be a valid number")
    assert "http" not in in_words(caught.value)


def failed(number: int, *name: str) -> OSError:
    return OSError(number, os.strerror(number), *name)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (failed(errno.ENOSPC), "a file: No space left on device; make room"),
        (failed(errno.ENAMETOOLONG, "/x/long"), "/x/long: File name too long; check the path."),
        (failed(errno.EACCES, "/root"), f"/root: Permission denied; let this user (id {os.geteuid()}) use it"),
        (failed(errno.EROFS, "/ro"), "/ro: Read-only file system; name a folder on another disk"),
        (failed(errno.EMFILE), "a file: Too many open files; allow more"),
        (failed(errno.ECONNRESET), ""),
        (TimeoutError(), ""),
    ],
)
def test_an_error_about_a_file_says_what_to_do(error: OSError, words: str) -> None:
    """Where, what, next step; an error about no file has no such sentence."""
    told = about_file(error)
    assert told.startswith(words)
    assert bool(told) is bool(words)


def test_the_nearest_spelling_has_any_capitals() -> None:
    """As it is written where it is known."""
    assert nearest("AIME2025", ["precheck", "aime2025"]) == "aime2025"
    assert nearest("Authorization-Key", ["AUTHORIZATION"]) == "AUTHORIZATION"
