"""The fields of a request that turn thinking on or off, and its sampling."""

from kvv_action.errors import Problem, UsageError, nearest
from kvv_action.profiles.model import BenchmarkRules, ThinkingRules
from kvv_action.schema import Json

MODES = ("kimi", "opensource", "none")


def think_body(thinking: ThinkingRules, mode: str, on: bool | None, effort: str) -> dict[str, Json]:
    """Body fields for thinking, as in the README of MoonshotAI/Kimi-Vendor-Verifier.

    A request to turn thinking off is also sent to a model that cannot; a probe checks whether it is refused.

    Args:
        thinking: the model's rules.
        mode: `kimi` (official API), `opensource` (vLLM, SGLang, KTransformers) or `none`.
        on: None sends nothing.
        effort: one of the model's levels; empty leaves it to the endpoint.

    Raises:
        UsageError: the mode is unknown, or the model has no such level.
    """
    check(thinking, mode, effort)
    if on is None or mode == "none":
        return {}
    if mode == "kimi" and on and thinking.effort_alone:
        return {"reasoning_effort": effort} if effort else {}
    if mode == "kimi":
        return {"thinking": _official(thinking, on, effort)}
    return {"chat_template_kwargs": _template(thinking, on, effort)}


def check(thinking: ThinkingRules, mode: str, effort: str) -> None:
    """Refuse an unknown mode or effort level, with one `Problem` for each.

    Raises:
        UsageError: with the allowed values and the nearest spelling.
    """
    problems = []
    if mode not in MODES:
        problems.append(_problem("think-mode", mode, f"It is one of {', '.join(MODES)}.", MODES))
    if effort and not thinking.efforts:
        problems.append(_problem("effort", effort, "The profile has no effort levels: leave it empty.", ()))
    elif effort and effort not in thinking.efforts:
        levels = thinking.efforts
        problems.append(_problem("effort", effort, f"The profile's levels are {', '.join(levels)}.", levels))
    if problems:
        raise UsageError(problems)


def thinks(thinking: ThinkingRules, on: bool | None) -> bool:
    """Whether the model thinks when the request says `on` (None: says nothing)."""
    if not thinking.supported or not (thinking.switchable or thinking.switch_open):
        return thinking.supported
    return thinking.default if on is None else on


def asked_effort(thinking: ThinkingRules, sent: str) -> str:
    """The level at which the model thinks when a request sends `sent`; empty for a model without levels."""
    return sent or thinking.default_effort


def sampling_for(rules: BenchmarkRules, thinking: bool) -> dict[str, Json]:
    """The benchmark's sampling for a request with or without thinking."""
    return {**rules.sampling} if thinking else {**rules.sampling, **rules.without_thinking}


def _official(thinking: ThinkingRules, on: bool, effort: str) -> dict[str, Json]:
    if not on:
        return {"type": "disabled"}
    keep = {"keep": "all"} if thinking.keep else {}
    return {"type": "enabled", **keep, **({"effort": effort} if effort else {})}


def _template(thinking: ThinkingRules, on: bool, effort: str) -> dict[str, Json]:
    if not on:
        return {"thinking": False}
    keep = {"preserve_thinking": True} if thinking.keep else {}
    return {"thinking": True, **keep, **({"thinking_effort": effort} if effort else {})}


def _problem(name: str, value: str, allowed: str, known: tuple[str, ...]) -> Problem:
    return Problem(name=name, value=value, allowed=allowed, nearest=nearest(value.lower(), known))
