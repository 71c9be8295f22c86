"""Writes the TOML file of a profile that was observed, and finds what differs between two profiles."""

import json
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import asdict
from typing import Any

from entrypoint.profile_observed import ObservedModel
from kvv_action.profiles.model import ImmutableParameter, Profile, TemplateNames, ThinkingRequest

IDENTITY = ("name", "digest")
"""Keys that no file has: they follow from the file itself, and are not compared."""
OBSERVABLE = (
    "thinking.supported", "thinking.default", "thinking.efforts", "thinking.answer_field", "thinking.inline",
    "thinking.request.effort", "thinking.template.switch", "parameters", "context_window", "output_limit", "vision",
    "call_ids.format", "word_tokens",
)  # fmt: skip
"""Keys that an endpoint can contradict."""
SILENT = ("", '""', "[]", "{}", "null")
"""Values, as JSON, that say nothing."""


def as_toml(observed: ObservedModel, *, model: str, url: str, day: str) -> str:
    """The text of the file; every fact says where and when it was seen, and what was not seen is left out."""
    return "\n".join(_lines(observed, model, url, day)) + "\n"


def _lines(seen: ObservedModel, model: str, url: str, day: str) -> Iterator[str]:
    yield f"# What {url} did on {day}, asked {seen.requests} times. This was observed, and not published by anyone:"
    yield "# compare it with what the model's maker says before you hold it against a vendor."
    yield "# docs/profiles.md explains every key."
    for note in seen.notes:
        yield f"# {_line(note)}"
    yield "schema = 1"
    yield f"title = {_text(model.rpartition('/')[2] or model)}"
    yield f"model = {_text(model)}"
    yield f"sources = [{_text(url)}]"
    yield from _limits(seen)
    if seen.markers:
        yield "# Control tokens: one token each in a raw prompt."
        yield f"markers = {_value(list(seen.markers))}"
    if seen.refusals:
        yield "# The endpoint refused these, so a vendor may refuse them as well."
        yield f"refusals = {_value([str(one) for one in dict.fromkeys(seen.refusals)])}"
    if seen.usage:
        yield f"# usage has {', '.join(_line(name) for name in seen.usage)}."
    if seen.logprobs is not None:
        told = "tells" if seen.logprobs else "does not tell"
        yield f"# It {told} probabilities of the next token (logprobs with top_logprobs 5)."
    yield from _facts(seen, url, day)
    if seen.call_ids:
        yield from ("", "[call_ids]", "# The form that ids had in two answers.", f"format = {_text(seen.call_ids)}")
        yield from ('official = "warning"', 'compatible = "information"')
    yield from _thinking(seen)
    for parameter in seen.parameters:
        yield from _parameter(parameter, thinks=seen.can_think)
    yield from ("", "[benchmarks.precheck]", f"sampling = {{ max_tokens = {seen.room} }}")
    yield from ("", "# A benchmark runs when it has a table, and compares with the score that it names:")
    yield from ("# [benchmarks.aime2025]", "# sampling = { temperature = 1.0, max_tokens = 98304 }", "# epochs = 32")


def _limits(seen: ObservedModel) -> Iterator[str]:
    if seen.window is not None:
        yield f"context_window = {seen.window}  # from the list of models, or from the text of a refusal"
    if seen.output_limit is not None:
        yield f"output_limit = {seen.output_limit}"
    if seen.word_tokens is not None:
        yield f"word_tokens = {seen.word_tokens}  # by what a hundred words more cost"
    if seen.vision is not None:
        yield f"vision = {str(seen.vision).lower()}  # {'read' if seen.vision else 'refused'} a picture of four digits"


def _facts(seen: ObservedModel, url: str, day: str) -> Iterator[str]:
    has: Mapping[str, object] = {
        "context_window": seen.window, "output_limit": seen.output_limit, "word_tokens": seen.word_tokens,
        "markers": seen.markers, "refusals": seen.refusals, "vision": seen.vision is not None,
        "call_ids": seen.call_ids, "thinking": seen.thinks is not None, "parameters": seen.parameters,
    }  # fmt: skip
    for key in (key for key, there in has.items() if there):
        yield from ("", "[[facts]]", f"about = [{_text(key)}]", f"source = {_text(url)}", f"date = {day}")
        yield f"note = {_text(f'observed at {url} on {day}')}"


def _thinking(seen: ObservedModel) -> Iterator[str]:
    yield from ("", "[thinking]", f"supported = {str(seen.can_think).lower()}")
    if not seen.can_think:
        return
    yield f"default = {str(bool(seen.thinks)).lower()}"
    yield f"switchable = {str(seen.switchable).lower()}  # whether an answer came without thinking when asked so"
    if seen.efforts:
        yield f"efforts = {_value(list(seen.efforts))}  # accepted; an unknown level was refused"
        yield "effort_untold = true"
    if seen.effort_range:
        yield f"effort_range = {_value(list(seen.effort_range))}"
    if seen.answer_field:
        yield f"answer_field = {_text(seen.answer_field)}"
    if seen.inline:
        yield f"inline = {_value(list(seen.inline))}"
    own = ThinkingRequest(on=dict(seen.on), off=dict(seen.off), keep={}, effort=seen.effort_place)
    yield from ("", "[thinking.request]")
    yield from (f"{key} = {_value(value)}" for key, value in asdict(own).items())
    names = TemplateNames(switch=seen.template_switch, keep="", effort=seen.template_effort)
    yield from ("", "[thinking.template]")
    yield from (f"{key} = {_value(value)}" for key, value in asdict(names).items())


def _parameter(parameter: ImmutableParameter, *, thinks: bool) -> Iterator[str]:
    yield from ("", "[[parameters]]", f"name = {_text(parameter.name)}", f"value = {_value(parameter.value)}")
    if thinks and parameter.thinking_value != parameter.value:
        yield f"thinking_value = {_value(parameter.thinking_value)}"
    yield f"rejected = {_value(list(parameter.rejected))}"
    for key in ("open", "open_without_thinking"):
        if (bounds := getattr(parameter, key)) is not None:
            yield f"{key} = {_value(list(bounds))}  # more than one value was accepted"


def _line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _text(text: str) -> str:
    """A TOML string: JSON's escapes are TOML's, but for the signs beyond 16 bits, which stay as they are."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    match value:
        case str():
            return _text(value)
        case dict() if not value:
            return "{}"
        case dict():
            return "{ " + ", ".join(f"{_key(name)} = {_value(inner)}" for name, inner in value.items()) + " }"
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return json.dumps(value)


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else _text(name)


def differences(first: Profile, second: Profile) -> Iterator[tuple[str, str, str]]:
    """Each key that differs, with the value of either profile as JSON; empty where one has no such key.

    A benchmark that only one of them has is one key.
    """
    shared = first.benchmarks.keys() & second.benchmarks.keys()
    left, right = (dict(_flat(_without_tables(one, shared))) for one in (first, second))
    keys = dict.fromkeys((*left, *right))
    tables = {key[: dot.start()] for key in keys for dot in re.finditer(r"\.", key)}
    for key in (key for key in keys if key not in IDENTITY and left.get(key) != right.get(key)):
        said = (left.get(key, ""), right.get(key, ""))
        if key not in tables or not {*said} <= {*SILENT}:  # an empty table: the keys of the other profile's say it
            yield key, *said


def _without_tables(profile: Profile, shared: Set[str]) -> dict[str, Any]:
    """A profile as plain values, with `{…}` in place of each benchmark that the other one does not have."""
    found = asdict(profile)
    found["benchmarks"] = {name: table if name in shared else Ellipsis for name, table in found["benchmarks"].items()}
    return found


def contradicted(profile: Profile, observed: Profile) -> Iterator[tuple[str, str, str]]:
    """Each key on which an endpoint contradicts a profile; what was not seen contradicts nothing."""
    for key, said, seen in differences(profile, observed):
        known = any(key == one or key.startswith(f"{one}.") for one in OBSERVABLE)
        unknown = said in SILENT or seen in SILENT or (key == "vision" and said == "false")
        if known and not unknown and not _agree(profile, observed, key):
            yield key, said, seen


def formless(profile: Profile, seen: ObservedModel) -> Iterator[tuple[str, str, str]]:
    """The form of ids, as `contradicted` names it, where the profile has one and none of the endpoint's ids has it."""
    form, ids = profile.call_ids.format, seen.formless_ids
    pattern = re.escape(form).replace(re.escape("{name}"), ".+").replace(re.escape("{index}"), "[0-9]+")
    if form and ids and not any(re.fullmatch(pattern, one) for one in ids):
        yield "call_ids.format", _text(form), f"ids of another form ({', '.join(map(_text, ids[:2]))})"


def _agree(profile: Profile, observed: Profile, key: str) -> bool:
    """Whether two different values do not contradict each other.

    Values that the profile names as refused may be among those that were not tried. Ranges hold only the few values
    that were tried. A model that always thinks shows no value for the other mode.
    """
    name = key.rpartition(".")[2]
    if name == "rejected":
        said, seen = (_parameters(one)[key.split(".")[1]] for one in (profile, observed))
        return not any(_takes(seen, value) for value in said.rejected)
    if key == "thinking.request.effort":
        return profile.thinking.effort_alone
    always = not (profile.thinking.switchable or profile.thinking.switch_open)
    return name.startswith("open") or (name == "value" and always)


def _parameters(profile: Profile) -> Mapping[str, ImmutableParameter]:
    return {one.name: one for one in profile.parameters}


def _takes(parameter: ImmutableParameter, value: Any) -> bool:
    """Whether a value is accepted in either mode."""
    modes = (True, False)
    return any(value == parameter.only(thinking=on) or parameter.is_open(value, thinking=on) for on in modes)


def _flat(value: Any, before: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value and not before.endswith((".on", ".off", ".keep", ".sampling")):
        for name, inner in value.items():
            yield from _flat(inner, f"{before}.{name}" if before else str(name))
    elif before == "parameters":
        for one in value:
            yield from _flat(one, f"parameters.{one['name']}")
    elif before == "facts":
        for about in dict.fromkeys(one["about"] for one in value):
            told = [{key: one[key] for key in ("source", "date", "note")} for one in value if one["about"] == about]
            yield f"facts of {', '.join(about)}", json.dumps(told, ensure_ascii=False, default=str)
    elif value is Ellipsis:
        yield before, "{…}"
    else:
        yield before, json.dumps(value, ensure_ascii=False, default=str)
