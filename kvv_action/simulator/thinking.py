"""How a request asks for thinking: the official and the open-source format, and the effort."""

from collections.abc import Mapping
from dataclasses import dataclass

from kvv_action.profiles.model import Profile, ThinkingRules
from kvv_action.profiles.thinking import thinks
from kvv_action.schema import Json
from kvv_action.simulator.refusal import Refusal

_SWITCH = {"enabled": True, "disabled": False}
NO_EFFORT = "none"
"""The effort by which a request turns thinking off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whether the model thinks about a request, and how hard (empty when there are no levels)."""

    on: bool
    effort: str


def _object(body: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def switch_of(body: Mapping[str, Json]) -> bool | None:
    """What the request says; None when it says nothing that can be understood. A type that is left out is enabled."""
    if isinstance(body.get("thinking"), Mapping):
        return _SWITCH.get(str(body["thinking"].get("type", "enabled")))
    template = _object(body, "chat_template_kwargs").get("thinking")
    if isinstance(template, bool):
        return template
    return False if effort_of(body) == NO_EFFORT else None


def effort_of(body: Mapping[str, Json]) -> Json:
    """The effort as it was sent, None when there is none; `thinking.effort` outranks `reasoning_effort`."""
    places = (
        _object(body, "thinking").get("effort"),
        _object(body, "chat_template_kwargs").get("thinking_effort"),
        body.get("reasoning_effort"),
    )
    return next((effort for effort in places if effort is not None), None)


def asked(body: Mapping[str, Json], rules: ThinkingRules) -> Asked:
    """Read what a request asks, the model's own ways filling the gaps."""
    switch = switch_of(body)
    effort = effort_of(body)
    return Asked(
        on=thinks(rules, switch),
        effort=str(effort) if rules.has_level(effort) else rules.default_effort,
    )


def check_thinking(body: Mapping[str, Json], profile: Profile) -> None:
    """Refuse unknown words about thinking, and turning it off where the model always thinks."""
    rules = profile.thinking
    _check_official(body.get("thinking"))
    template = _object(body, "chat_template_kwargs")
    for name in ("thinking", "preserve_thinking"):
        if template.get(name) is not None and not isinstance(template[name], bool):
            raise Refusal(f"invalid chat_template_kwargs.{name}: must be true or false")
    stops = rules.switchable or rules.switch_open
    if rules.supported and not stops and switch_of(body) is False:
        raise Refusal("invalid thinking: this model cannot turn thinking off")
    effort = effort_of(body)
    levels = (*rules.efforts, NO_EFFORT) if rules.efforts and stops else rules.efforts
    if effort is not None and effort not in levels and not rules.has_level(effort):
        allowed = f"must be one of {', '.join(levels)}" if levels else "this model has no effort levels"
        if rules.effort_range:
            named = f"one of {', '.join(levels)}, or " if levels else ""
            allowed = f"must be {named}a whole number from {rules.effort_range[0]} to {rules.effort_range[1]}"
        raise Refusal(f"invalid thinking effort {effort!r}: {allowed}")


def _check_official(thinking: Json) -> None:
    if thinking is None:
        return
    if not isinstance(thinking, Mapping) or thinking.get("type", "enabled") not in _SWITCH:
        raise Refusal("invalid thinking: type must be enabled or disabled")
    if thinking.get("type") != "disabled" and thinking.get("keep") not in (None, "all"):
        raise Refusal("invalid thinking: keep must be all")
