"""What a fault is: a name, what a verifier should conclude, and hooks into the stages of an answer."""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum

from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.coins import toss
from kvv_action.simulator.contract import ContractRule
from kvv_action.simulator.language_model import LanguageModel
from kvv_action.simulator.options import VendorOptions
from kvv_action.simulator.wire import Reply, Usage

FAILS = "Pre-Verification fails: "
"""How a conclusion begins where a probe finds the fault."""


class Coin(StrEnum):
    """What decides whether a fault with a rate hits a request.

    `conversation`: the messages alone, the same in every retry and every run.
    `occurrence`: the messages and how often they came, so that a retry may succeed.
    """

    CONVERSATION = "conversation"
    OCCURRENCE = "occurrence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request as it arrives.

    Attributes:
        authorization: the header as sent, empty when there was none.
        digest: of the messages (of the whole body when it cannot be read).
        occurrence: 1 when these messages come for the first time.
        size: bytes of the body.
        number: how many requests have come, this one included.
    """

    authorization: str
    digest: bytes
    occurrence: int
    options: VendorOptions
    size: int = 0
    number: int = 1

    def draw(self, label: str) -> float:
        """A number in [0, 1) that belongs to this visit and `label`."""
        return toss(self.options.seed, label, self.digest, self.occurrence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A visit with what came of it; `call` and `answer` are None when the request was refused."""

    visit: Visit
    call: Call | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number that a fault takes.

    Attributes:
        usual: where none is given.
        most: the largest that is taken; the least is above 0.
    """

    name: str
    usual: float
    most: float


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to serve a model badly; a hook that is None leaves its stage alone.

    The modules beside this one hold tables of faults: name, summary and conclusion stand first, without their keywords.

    Attributes:
        summary: what the vendor does wrong.
        conclusion: what a verifier should conclude.
        takes: the numbers that are written behind `=`, in order; a fault without any takes a rate.
        values: these numbers as they were given, filled in when the fault is drawn.
        admit: the reply that turns a request away before it is read; None lets it in.
        waives: rules of the contract that are not checked.
        check: refuses a request that keeps the contract; raises `Refusal`.
        hear: the request as the vendor wrongly understands it.
        serve: the model that answers; gets the numbers that the fault takes.
        say: the answer before `stop` and `max_tokens` are applied.
        count: the usage that is reported.
        send: the reply on its way out, refusals included.
    """

    name: str
    summary: str
    conclusion: str
    _: KW_ONLY
    coin: Coin = Coin.CONVERSATION
    takes: tuple[Amount, ...] = ()
    values: tuple[float, ...] = ()
    admit: Callable[[Visit], Reply | None] | None = None
    waives: frozenset[ContractRule] = frozenset()
    check: Callable[[Mapping[str, Json], Profile], None] | None = None
    hear: Callable[[Call], Call] | None = None
    serve: Callable[[LanguageModel, Visit, tuple[float, ...]], LanguageModel] | None = None
    say: Callable[[Answer, Call], Answer] | None = None
    count: Callable[[Usage, Call], Usage | None] | None = None
    send: Callable[[Reply, Turn], Reply] | None = None
