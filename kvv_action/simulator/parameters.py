"""Rules for decoding parameters: types and ranges for every model, and the values that a profile locks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

import orjson

from kvv_action.profiles.model import Profile
from kvv_action.schema import Json
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.thinking import asked

MOST_CHOICES = 128
MOST_STOPS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What a parameter must look like, in words and as a test."""

    words: str
    holds: Callable[[Json], bool]


def is_number(value: Json) -> TypeGuard[int | float]:
    """Whether `value` is a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: Json) -> TypeGuard[int]:
    """Whether `value` is a JSON number without a fraction."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_stop(value: Json) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and len(value) <= MOST_STOPS and all(isinstance(item, str) for item in value)
    )


_TEMPERATURE = _Form(words="a number from 0 to 2", holds=lambda value: is_number(value) and 0 <= value <= 2)
_TOP_P = _Form(words="a number above 0, up to 1", holds=lambda value: is_number(value) and 0 < value <= 1)
_PENALTY = _Form(words="a number from -2 to 2", holds=lambda value: is_number(value) and -2 <= value <= 2)
_POSITIVE = _Form(words="a positive integer", holds=lambda value: is_integer(value) and value >= 1)
_CHOICES = _Form(
    words=f"an integer from 1 to {MOST_CHOICES}",
    holds=lambda value: is_integer(value) and 1 <= value <= MOST_CHOICES,
)
_BOOLEAN = _Form(words="true or false", holds=lambda value: isinstance(value, bool))
_OBJECT = _Form(words="an object", holds=lambda value: isinstance(value, Mapping))
_STOP = _Form(words=f"a string or a list of up to {MOST_STOPS} strings", holds=_is_stop)

_FORMS: Mapping[str, _Form] = {
    "temperature": _TEMPERATURE,
    "top_p": _TOP_P,
    "presence_penalty": _PENALTY,
    "frequency_penalty": _PENALTY,
    "n": _CHOICES,
    "max_tokens": _POSITIVE,
    "max_completion_tokens": _POSITIVE,
    "stream": _BOOLEAN,
    "stream_options": _OBJECT,
    "stop": _STOP,
}


def check_ranges(body: Mapping[str, Json], profile: Profile) -> None:  # noqa: ARG001 - all rules are called alike
    """Refuse a parameter of the wrong type or outside its range."""
    for name, form in _FORMS.items():
        value = body.get(name)
        if value is not None and not form.holds(value):
            raise Refusal(f"invalid {name}: must be {form.words}")


def check_immutable(body: Mapping[str, Json], profile: Profile) -> None:
    """Refuse a locked parameter with another value than the model's; absent, null and open values are fine."""
    if not profile.parameters:
        return
    thinking = asked(body, profile.thinking).on
    for parameter in profile.parameters:
        value = body.get(parameter.name)
        allowed = parameter.only(thinking=thinking)
        if value is None or parameter.is_open(value, thinking=thinking):
            continue
        if isinstance(value, bool) or value != allowed:
            words = orjson.dumps(allowed).decode()
            raise Refusal(f"invalid {parameter.name}: only {words} is allowed for this model")
