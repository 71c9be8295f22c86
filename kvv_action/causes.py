"""What a cause is: one sentence, what to do about it, and which other symptoms it explains.

Each part of the product declares the causes that it can find; the ids are stable and unique. Reports lead with the
cause that explains most; `docs/causes.md` has a section for each.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that can be wrong with a deployment.

    Attributes:
        id: stable name in lower case with hyphens; also the anchor of its section in `docs/causes.md`.
        sentence: what is wrong, in one sentence for a person who sees it first at two in the morning.
        remedy: what to do, in one sentence.
        switches: the exact option or setting that mends it, by the name of the engine or gateway.
        explains: ids of causes and names of probes that are only symptoms of this one, where it is found.
    """

    id: str
    sentence: str
    remedy: str
    switches: Mapping[str, str] = field(default_factory=dict)
    explains: tuple[str, ...] = ()


def id_of_sentence(sentence: str) -> str:
    """The stable name of a cause that is declared by its sentence alone: its words, without what follows a colon."""
    words = re.sub(r"[^a-z0-9]+", "-", sentence.partition(": ")[0].lower())
    return words.strip("-")[:80]
