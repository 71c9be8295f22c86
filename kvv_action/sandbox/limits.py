"""The limits of a container, and how many containers an engine can hold."""

from dataclasses import dataclass
from typing import Any

from kvv_action.benchmark import ContainerSpec
from kvv_action.digits import figure, noun
from kvv_action.sandbox.capacity import Capacity
from kvv_action.sandbox.engine import EngineInfo

SHARE = 0.8
"""Share of the engine's memory for all containers together; the rest is for the engine and for us."""
PER_CPU = 2
"""Containers per processor: while a model thinks, its container does nothing."""
QUOTA_DRIVERS = ("btrfs", "zfs", "devicemapper", "overlay2 on xfs")
"""Storage drivers that can hold a container's layer to a size (overlay2: when mounted with pquota)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerLimits:
    """Limits of one container; memory and disk in bytes."""

    cpus: float
    memory: int
    pids: int
    disk: int

    def of(self, spec: ContainerSpec, engine: EngineInfo) -> "ContainerLimits":
        """Limits of a container: those it asks for, else these, but no more than the engine has."""
        return ContainerLimits(
            cpus=min(spec.cpus or self.cpus, float(engine.cpus)),
            memory=min(spec.memory or self.memory, int(engine.memory * SHARE)),
            pids=spec.pids or self.pids,
            disk=spec.disk or self.disk,
        )


def lacking(spec: ContainerSpec, engine: EngineInfo) -> str:
    """Which processors or memory a container needs and the engine does not have, in words; empty when it has them."""
    room = int(engine.memory * SHARE)
    if spec.cpus > engine.cpus:
        return f"{figure(spec.cpus)} {noun(round(spec.cpus), 'processor')}, and the container engine has {engine.cpus}"
    if spec.memory > room:
        return (
            f"{_gib(spec.memory)} GiB of memory, and the container engine has {_gib(room)} GiB for containers "
            f"(of {_gib(engine.memory)})"
        )
    return ""


def short_of_disk(spec: ContainerSpec, free: int) -> str:
    """The same of disk; `free` is what the engine's disk has left, in bytes."""
    if spec.disk <= free:
        return ""
    return f"{_gib(spec.disk)} GiB of disk, and {_gib(free)} GiB are free on the container engine's"


GRADE = "grade"
"""Role of the container in which a patch is tested."""
OF_TESTS = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")
"""Capabilities of root that tests of real repositories use on their own files and processes. The official harness
grants Docker's whole default set; we leave out all that reaches the network, devices, other namespaces or the main
process."""


def host_config(limits: ContainerLimits, network: str, *, quota: bool, role: str = "") -> dict[str, Any]:
    """The engine's `HostConfig`: no capability but those of tests, no new privileges, no binds, no devices, no logs.

    No logs, because output of the main process would fill the engine's disk. No `AutoRemove`, because the engine may
    then remove a container while it restarts it.

    Args:
        limits: of the container; swap is off.
        network: the network's name, or `none`.
        quota: the storage driver enforces the disk limit. Otherwise `ulimit` enforces it for each single file, and
            `kvv_action.sandbox.disk` watches the sum.
        role: of the container; `GRADE` gets the capabilities `OF_TESTS`.
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


def capacity_of(limits: ContainerLimits, workers: int, engine: EngineInfo) -> Capacity:
    """The memory for all containers together, and how many of them run at a time.

    Args:
        limits: of one container.
        workers: containers that the user wants at a time; 0 for as many as fit.
        engine: its processors and memory; its memory bounds the number also against the user's wish.
    """
    memory = int(engine.memory * SHARE)
    fitting = max(1, memory // limits.memory)
    return Capacity(memory=memory, containers=min(workers or PER_CPU * engine.cpus, fitting))


def fewer_containers(limits: ContainerLimits, workers: int, engine: EngineInfo) -> str:
    """A message when fewer containers fit than the user wants; empty when they all fit."""
    containers = capacity_of(limits, workers, engine).containers
    if containers >= workers:
        return ""
    return (
        f"only {containers} of {workers} containers run at a time: each may take {_gib(limits.memory)} GiB of the "
        f"{_gib(engine.memory * SHARE)} GiB that the engine has for them; container-memory makes them smaller"
    )


def may_have_quota(engine: EngineInfo) -> bool:
    """Whether the storage driver may support a quota."""
    return engine.driver.startswith(QUOTA_DRIVERS)


def _ulimit(name: str, value: int) -> dict[str, Any]:
    return {"Name": name, "Soft": value, "Hard": value}


def _gib(size: float) -> str:
    """Bytes in GiB."""
    return figure(size / 2**30, 3)
