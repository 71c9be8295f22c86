"""The user's settings for nested containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kvv_action.sandbox.limits import ContainerLimits

DEFAULT_LIMITS = ContainerLimits(cpus=2.0, memory=4 * 2**30, pids=512, disk=5 * 2**30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """Settings of the sandbox; see the inputs of the same names.

    Attributes:
        run: value of the label `kvv.run`, which marks the containers of this run.
        workers: containers at a time; 0 for as many as fit.
        limits: of a container that does not ask for its own.
        network: name of the network for containers that may use one.
        pull: when images are pulled.
        mirrors: see `naming.mirrored`.
        images: what to do with pulled images after their last use.
    """

    run: str
    workers: int = 0
    limits: ContainerLimits = DEFAULT_LIMITS
    network: str = "bridge"
    pull: Literal["missing", "always", "never"] = "missing"
    mirrors: Mapping[str, str] = field(default_factory=dict)
    images: Literal["auto", "keep", "remove"] = "auto"
