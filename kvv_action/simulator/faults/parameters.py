"""Faults in the handling of decoding parameters."""

from collections.abc import Mapping

from kvv_action.profiles.model import Profile
from kvv_action.schema import Json
from kvv_action.simulator.contract import ContractRule
from kvv_action.simulator.faults.model import FAILS, Fault
from kvv_action.simulator.refusal import Refusal

_DECODING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "n")


def _refuse_any(body: Mapping[str, Json], _: Profile) -> None:
    for name in _DECODING:
        if body.get(name) is not None:
            raise Refusal(f"invalid {name}: this parameter cannot be set for this model")


FAULTS = (
    Fault("accepts-any-parameter", "takes other values of parameters that the model locks",
          f"{FAILS}decoding parameters are not enforced", waives=frozenset({ContractRule.IMMUTABLE})),
    Fault("rejects-defaults", "refuses decoding parameters even at the value that the model locks",
          f"{FAILS}the positive control is refused, so refusals prove nothing", check=_refuse_any),
)  # fmt: skip
