"""What a container may use, and how the engine is told."""

from dataclasses import dataclass
from typing import Any

from kvv_action.benchmark import ContainerSpec
from kvv_action.sandbox.engine import EngineInfo
from kvv_action.sandbox.slots import Room

SHARE = 0.8
"""Part of the engine's memory that containers may use together; the rest is for the engine and for us."""
PER_CPU = 2
"""Containers per processor: while a model thinks, its container does nothing."""
QUOTA_DRIVERS = ("btrfs", "zfs", "devicemapper", "overlay2 on xfs")
"""Storage drivers that can hold a container's layer to a size (overlay2: when mounted with pquota)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one container; memory and disk in bytes."""

    cpus: float
    memory: int
    pids: int
    disk: int

    def of(self, spec: ContainerSpec, engine: EngineInfo) -> "Limits":
        """What a container gets: as it asks or else these, as far as the engine reaches."""
        return Limits(
            cpus=min(spec.cpus or self.cpus, float(engine.cpus)),
            memory=min(spec.memory or self.memory, int(engine.memory * SHARE)),
            pids=spec.pids or self.pids,
            disk=spec.disk or self.disk,
        )


GRADE = "grade"
"""Role of the container in which a patch is tested."""
OF_TESTS = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID")
"""Capabilities of root that tests of real repositories use on files and processes of their own. The official harness
gives them Docker's whole default set; what reaches the network, devices or other namespaces is left out here."""


def host_config(limits: Limits, network: str, *, quota: bool, role: str = "") -> dict[str, Any]:
    """The engine's `HostConfig`: no capability but those of tests, no new privileges, no binds, no devices, no logs.

    Without logs, because what is written to the main process's streams would fill the engine's disk. `AutoRemove` would
    be welcome, but the engine may take a container away that it is told to start anew.

    Args:
        limits: as above; memory holds without swap.
        network: name of a network, `none` for none.
        quota: whether the storage driver holds the disk limit. Else a single file is held to it by `ulimit`, and
            `kvv_action.sandbox.disk` watches all of them together.
        role: the container's; where patches are tested it has `OF_TESTS`.
    """
    config: dict[str, Any] = {
        "CapDrop": ["ALL"],
        "CapAdd": list(OF_TESTS) if role == GRADE else [],
        "SecurityOpt": ["no-new-privileges:true"],
        "IpcMode": "private",
        "LogConfig": {"Type": "none", "Config": {}},
        "NetworkMode": network,
        "Memory": limits.memory,
        "MemorySwap": limits.memory,
        "NanoCpus": int(limits.cpus * 1_000_000_000),
        "PidsLimit": limits.pids,
        "Ulimits": [_ulimit("core", 0), _ulimit("fsize", limits.disk)],
    }
    if quota:
        config["StorageOpt"] = {"size": str(limits.disk)}
    return config


def room(limits: Limits, workers: int, engine: EngineInfo) -> Room:
    """All that containers may use together.

    Args:
        limits: of one container.
        workers: how many the user wants, 0 for as many as fit.
        engine: its processors and memory; no wish goes beyond its memory.
    """
    memory = int(engine.memory * SHARE)
    fitting = max(1, memory // limits.memory)
    return Room(memory=memory, places=min(workers or PER_CPU * engine.cpus, fitting))


def cut(limits: Limits, workers: int, engine: EngineInfo) -> str:
    """What is to be told when fewer containers fit than the user wants; empty when all of them do."""
    places = room(limits, workers, engine).places
    if places >= workers:
        return ""
    gib = 2**30
    return (
        f"only {places} of {workers} containers run at a time: each may take {limits.memory / gib:.3g} GiB of the "
        f"{engine.memory * SHARE / gib:.3g} GiB that the engine has for them; container-memory makes them smaller"
    )


def may_have_quota(engine: EngineInfo) -> bool:
    """Whether it is worth asking the engine for a quota."""
    return engine.driver.startswith(QUOTA_DRIVERS)


def _ulimit(name: str, value: int) -> dict[str, Any]:
    return {"Name": name, "Soft": value, "Hard": value}
