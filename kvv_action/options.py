"""What a benchmark lets a user choose: its own options, and how each of them is treated."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from kvv_action.errors import KvvError, Problem, in_words
from kvv_action.schema import Json, PlannedBenchmark, RunPlan

ADDRESSES = ("http://", "https://")
"""How the addresses of files begin that settings name."""


def option_name(field_name: str) -> str:
    """`max_connections` -> `max-connections`."""
    return field_name.replace("_", "-")


class Kept(StrEnum):
    """Where a plan keeps a benchmark's own setting."""

    ASKED = "asked"
    """Among its choices, where the benchmark is asked."""
    ALWAYS = "always"
    """Among its choices, also where the benchmark is not asked, as plans did from the beginning."""
    FIELD = "field"
    """In a field of the plan with the setting's name."""
    NOWHERE = "nowhere"
    """Nothing that is asked depends on it, or what depends on it says so itself (a version, a digest)."""


def choice(
    default: Any,
    help_text: str,
    *,
    group: str = "",
    metavar: str = "",
    kept: Kept = Kept.ASKED,
    data: bool = False,
    wording: bool = False,
    deciding: bool = False,
    secretive: bool = False,
    path: Literal["", "file", "folder", "pinned"] = "",
    beside: str = "",
    **limits: Any,
) -> Any:
    """A field of a benchmark's own options, with what is said about it and how it is treated.

    Args:
        default: the value when nothing is said.
        help_text: for `--help`, README and action.yml.
        group: of the help; by default the benchmark's title.
        metavar: stands for the value in the help.
        kept: where a plan keeps it.
        data: it chooses the dataset, or the part of it that must be at hand.
        wording: it changes what the vendor reads, so that the embedded vendor is told of it.
        deciding: it chooses which items are asked, or who answers: a run with another value than the default is not the
            run that a leaderboard expects.
        secretive: what follows a `=` in its value names something on the user's machine, so that no record shows it.
        path: the value names a file or a folder that must be there, or, where it is `pinned`, a file or the address of
            one with its digest. No plan holds it; an audit is given it again.
        beside: name of a copy of that file which the benchmark leaves beside the reports, where an audit finds it.
        limits: of numbers, as pydantic knows them.
    """
    extra: dict[str, Any] = {
        "group": group,
        "metavar": metavar,
        "kept": Kept.NOWHERE if path else kept,
        "data": data,
        "wording": wording,
        "deciding": deciding,
        "secretive": secretive,
        "path": path,
        "beside": beside,
    }
    return Field(default, description=help_text, json_schema_extra=extra, **limits)


def is_choice(field: FieldInfo) -> bool:
    """Whether a field was made with `choice`."""
    return isinstance(field.json_schema_extra, dict) and "kept" in field.json_schema_extra


def fact(field: FieldInfo, name: str) -> Any:
    """What a setting says of itself besides its type: `group`, `metavar`, and for a benchmark's own more."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict), field
    return extra[name]


class BenchmarkOptions(BaseModel):
    """The options of a benchmark, one a field, made with `choice`; a benchmark without any has these.

    A field's name is that of its setting wherever settings are given: `swebench_agent` is the input and option
    `swebench-agent` and the variable `KVV_SWEBENCH_AGENT`. No two benchmarks may have different fields of one name.

    Attributes:
        behind: the engine's setting behind which these stand in help and tables.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    behind: ClassVar[str] = "reference_api_key"

    def needs_endpoint(self) -> bool:
        """Whether an endpoint is asked at all."""
        return True

    def asks(self) -> bool:
        """Whether they alone ask for the benchmark, whatever `benchmarks` names."""
        return False

    def lacks(self) -> str:
        """What they must give before a model can be asked whose profile does not know the benchmark; empty: nothing."""
        return ""

    def problems(self, *, priced: Mapping[str, bool]) -> Iterator[Problem]:
        """What cannot work, found before anything is sent.

        Args:
            priced: by `price-input` and `price-output`, whether that price is known.
        """
        del priced
        return iter(())

    @classmethod
    def kept_by(cls, plan: RunPlan, planned: PlannedBenchmark) -> dict[str, Json]:
        """What a plan says about this benchmark's options, by field; what it does not say has its default."""
        del planned
        found = {name: plan.choices.get(option_name(name)) for name in cls.model_fields}
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def of_plan(cls, plan: RunPlan, planned: PlannedBenchmark) -> Self:
        """The options that a plan was made with.

        Raises:
            KvvError: it holds what this version does not know.
        """
        try:
            return cls.model_validate(cls.kept_by(plan, planned))
        except TypeError as error:
            raise KvvError(
                f"{planned.published}: its choices in the plan cannot be read ({in_words(error)})"
            ) from error
        except ValidationError as error:
            first = error.errors()[0]
            raise KvvError(
                f"{planned.published}: the plan's choice {option_name(str(first['loc'][0]))} is none of this version: "
                f"{first['msg']}"
            ) from error
