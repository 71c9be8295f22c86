"""What can be chosen alike of every benchmark whose answer is a patch: who works, and within which limits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kvv_action.digits import figure
from kvv_action.errors import DatasetError, Problem, nearest
from kvv_action.options import Kept, choice, option_name
from kvv_action.settings import items

BASH = "bash"
GOLD, EMPTY = "gold", "empty"
SELF_TESTS = (GOLD, EMPTY)
PATCHES = "patches="


def base_image() -> Any:
    """The setting `base-image`: the image that bundled repositories are built from; empty for their own default."""
    return choice(
        "",
        "Image that bundled repositories are built from: any with Python 3, and git or apt-get.",
        group="plan",
        metavar="IMAGE",
        kept=Kept.NOWHERE,
    )


def agent(value: str) -> str:
    """Who works; refuses anything else."""
    if value in (BASH, *SELF_TESTS) or (value.startswith(PATCHES) and value != PATCHES):
        return value
    raise ValueError("Use bash, gold, empty, or patches=FILE with predictions in the official format.")


def limits_among(names: Sequence[str]) -> Callable[[Any], Any]:
    """Reads `name=number` pairs, in lines or separated by commas, as a mapping; only these names are limits."""

    def read(value: Any) -> Any:
        if isinstance(value, Mapping):
            for name, number in value.items():
                _limit(f"{name}={number}", names)
            return dict(value)
        pairs = items(value)
        if not isinstance(pairs, tuple):
            raise ValueError(f"Write NAME=NUMBER with any of {', '.join(names)}.")
        return dict(_limit(pair, names) for pair in pairs)

    return read


def _limit(pair: str, names: Sequence[str]) -> tuple[str, float]:
    name, equals, number = (part.strip() for part in pair.partition("="))
    if name not in names or not equals:
        guess = nearest(name, names)
        hint = f" Did you mean {guess!r}?" if guess and equals else ""
        raise ValueError(f"Write NAME=NUMBER with any of {', '.join(names)}; {pair!r} is none.{hint}")
    try:
        found = float(number)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1e9:
        raise ValueError(f"{name} must be a number from 0 to 1000000000, not {number!r}.")
    return name, found


def problems(benchmark: str, agent: str, limits: Mapping[str, float], priced: Mapping[str, bool]) -> Iterator[Problem]:
    """A limited cost without prices.

    Raises:
        DatasetError: the file with patches is not there.
    """
    cost = limits.get("cost") or 0.0
    for price in (name for name, known in priced.items() if cost and not known):
        allowed = f"A limit of {figure(cost)} needs {option_name(price)}, the price of a million tokens."
        yield Problem(name=f"{benchmark}-limits", value=figure(cost), allowed=allowed)
    _, equals, patches = agent.partition("=")
    if equals and not Path(patches).is_file():
        told = "it is a folder; name a file" if Path(patches).is_dir() else "no such file"
        raise DatasetError(f"{benchmark}-agent: {patches}: {told}")
