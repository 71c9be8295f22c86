"""Exceptions of Python and of libraries are told in words."""

import errno
import os

import pytest
from pydantic import TypeAdapter, ValidationError

from kvv_action.errors import in_words
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
