"""What the user chose about nested containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kvv_action.sandbox.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """See the settings of the same names.

    Attributes:
        run: value of the label `kvv.run`; whatever carries it belongs to this run alone.
        workers: containers at a time; 0 for as many as the engine has room for.
        limits: of a container that asks for none of its own.
        network: what a container gets that may reach a network.
        pull: when images are pulled.
        mirrors: see `naming.mirrored`.
        images: what becomes of images that this run pulled after their last use.
    """

    run: str
    workers: int = 0
    limits: Limits = field(default_factory=lambda: Limits(cpus=2.0, memory=4 * 2**30, pids=512, disk=5 * 2**30))
    network: str = "bridge"
    pull: Literal["missing", "always", "never"] = "missing"
    mirrors: Mapping[str, str] = field(default_factory=dict)
    images: Literal["auto", "keep", "remove"] = "auto"
