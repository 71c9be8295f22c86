"""Where two JSON values, or two plans, differ."""

from collections.abc import Iterator
from typing import Any

import orjson

from kvv_action.schema import RunPlan


def compare(written: Any, recomputed: Any, where: str = "report") -> Iterator[str]:
    """Every place at which two JSON values differ."""
    if isinstance(written, dict) and isinstance(recomputed, dict):
        for name in sorted(written.keys() | recomputed.keys()):
            yield from compare(written.get(name), recomputed.get(name), f"{where}.{name}")
    elif isinstance(written, list) and isinstance(recomputed, list) and len(written) == len(recomputed):
        for index, (old, new) in enumerate(zip(written, recomputed, strict=True)):
            yield from compare(old, new, f"{where}[{index}]")
    elif written != recomputed:
        yield f"{where}: written {_short(written)}, recomputed {_short(recomputed)}"


def difference(there: RunPlan, now: RunPlan) -> str:
    """The first few places where two plans differ; what a person chose before what follows from it."""
    old, new = (orjson.loads(orjson.dumps(plan)) for plan in (there, now))
    places = dict(place.split(": ", 1) for place in compare(old, new, "plan"))
    named = {name: text for name, text in places.items() if not name.endswith("digest")} or places
    texts = [
        f"{name}: {text}".replace("written ", "there ").replace("recomputed ", "now ")
        for name, text in sorted(named.items(), key=lambda item: item[0].count("."))
    ]
    return "; ".join(texts[:3]) + ("; …" if len(texts) > 3 else "")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
