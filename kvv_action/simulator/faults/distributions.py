"""Faults in next-token probabilities: another model, other numbers, and other ways to show them."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from kvv_action.schema import Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.chunks import Document, in_answers
from kvv_action.simulator.faults.model import Amount, Coin, Fault, Visit
from kvv_action.simulator.language_model import LanguageModel, Shift

ANOTHER = 1.0
"""Divergence in nats of the model that is served in place of the right one."""
GREETING = "You are a helpful assistant."
"""The text that another template puts first."""
FIXED_TEMPERATURE = 0.6
DIGITS = 2
NATS = 10.0
"""The largest divergence that can be asked for."""

Values = tuple[float, ...]


def noisy(model: LanguageModel, visit: Visit, origin: str, nats: float) -> LanguageModel:
    """The model as one visit meets it; two visits differ by `nats`, of which each has a half."""
    label = f"{origin} {visit.options.seed} {visit.occurrence} ".encode() + visit.digest
    return model.shifted(Shift(label=label, nats=nats / 2, spread=False)) if nats else model


def _quantised(model: LanguageModel, _: Visit, values: Values) -> LanguageModel:
    return model.shifted(Shift(label=b"quantised", nats=values[0]))


def _another(model: LanguageModel, _: Visit, __: Values) -> LanguageModel:
    return model.shifted(Shift(label=b"another model", nats=ANOTHER))


def _routed(model: LanguageModel, visit: Visit, values: Values) -> LanguageModel:
    share, nats = values
    return model.shifted(Shift(label=b"routed", nats=nats)) if visit.draw("router") < share else model


def _noisy(model: LanguageModel, visit: Visit, values: Values) -> LanguageModel:
    return noisy(model, visit, "noise", values[0])


def _greeted(call: Call) -> Call:
    """The conversation, with a system message in front that nobody sent."""
    if call.raw:
        return call
    return replace(call, messages=[{"role": "system", "content": GREETING}, *call.messages])


def _fixed(call: Call) -> Call:
    return replace(call, temperature=FIXED_TEMPERATURE)


def _processed(call: Call) -> Call:
    return replace(call, processed=True)


def _of_content(call: Call) -> Call:
    return replace(call, of_content=True)


def _in_logprobs(change: Callable[[Json], Json]) -> Callable[[Document], Document]:
    """A change of all log probabilities in a document."""

    def changed(document: Document) -> Document:
        fields = ("logprobs", "prompt_logprobs")
        choices = [
            {name: change(value) if name in fields else value for name, value in choice.items()}
            for choice in document["choices"]
        ]
        return {**document, "choices": choices}

    return changed


def _rounded(value: Json) -> Json:
    """The same with every fraction rounded; nothing else in log probabilities is a fraction."""
    match value:
        case float():
            return round(value, DIGITS)
        case list():
            return [_rounded(one) for one in value]
        case Mapping():
            return {name: _rounded(one) for name, one in value.items()}
        case _:
            return value


FAULTS = (
    Fault("quantised", "serves the model with other numbers in it; takes the divergence in nats",
          "next-token probabilities differ from the reference; no score of some hundred answers shows it",
          takes=(Amount(name="nats", usual=0.02, most=NATS),), serve=_quantised),
    Fault("other-model", f"serves a model whose next-token probabilities are {ANOTHER:g} nat away",
          "next-token probabilities differ from the reference, and so do sampled tokens without probabilities",
          serve=_another),
    Fault("router", "sends a share of the requests to another model; takes the share and the divergence in nats",
          "a share of the positions is far from the reference, though most are close",
          takes=(Amount(name="share", usual=0.2, most=1), Amount(name="nats", usual=0.1, most=NATS)),
          coin=Coin.OCCURRENCE, serve=_routed),
    Fault("noisy", "answers equal requests with different probabilities; takes the divergence of two askings in nats",
          "nothing alone: the self-noise is measured and shown, and the tolerance stands above it",
          takes=(Amount(name="nats", usual=0.0003, most=NATS),), coin=Coin.OCCURRENCE, serve=_noisy),
    Fault("template-shift", "puts a system message of its own before every chat",
          "another prompt: prompt tokens differ from the reference's, and so do sampled tokens", hear=_greeted),
    Fault("temperature-ignored", f"samples at temperature {FIXED_TEMPERATURE:g} whatever is asked",
          "the sampling temperature is not honoured: sampled tokens show it, raw probabilities do not", hear=_fixed),
    Fault("logprobs-rounded", f"rounds log probabilities to {DIGITS} digits",
          "nothing: an honest server may round, and the tolerance allows for it",
          send=in_answers(_in_logprobs(_rounded))),
    Fault("logprobs-after-top-p", "shows probabilities as they are sampled from, at the temperature and behind top_p",
          "nothing: probabilities are recorded as truncated and compared over common tokens", hear=_processed),
    Fault("logprobs-of-content", "shows probabilities of the content alone, without those of the thinking before it",
          "another position: it is not compared, and the report says so", hear=_of_content),
    Fault("no-logprobs", "accepts logprobs and sends none",
          "next-token probabilities cannot be compared; sampled tokens are counted instead",
          send=in_answers(_in_logprobs(lambda _: None))),
)  # fmt: skip
