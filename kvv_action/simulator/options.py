"""The options of an embedded vendor."""

from dataclasses import dataclass, field

from kvv_action.profiles.model import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """A fault by name and the share of requests, in (0, 1], that it hits; or the amounts that it takes instead."""

    name: str
    rate: float = 1.0
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorOptions:
    """What the vendor serves, how it misbehaves and how fast it is.

    Attributes:
        profile: the model's contract: immutable parameters and thinking.
        model: the only model name that is served.
        api_key: the only key that is let in; None lets everyone in.
        faults: applied in this order at each stage.
        seed: of the coins that faults with a rate are drawn by.
        latency: seconds before the first byte of an answer.
        tokens_per_second: at which each answer is written after that; 0 writes it at once.
        chunk_tokens: tokens in one chunk of a stream, at least 1.
        slow_seconds: what the fault `slow` adds to `latency`.
        retry_after: seconds that the fault `rate-limits` asks to wait.
        huge_bytes: size of an answer under the fault `huge-response`.
        noise: how much next-token probabilities of two equal requests differ, in nats: the rounding of real engines.
    """

    profile: Profile
    model: str
    api_key: str | None = field(default=None, repr=False)
    faults: tuple[FaultSpec, ...] = ()
    seed: int = 0
    latency: float = 0.0
    tokens_per_second: float = 0.0
    chunk_tokens: int = 4
    slow_seconds: float = 3.0
    retry_after: int = 0
    huge_bytes: int = 256 * 1024 * 1024
    noise: float = 0.00001
