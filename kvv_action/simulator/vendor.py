"""From the bytes of a request to the reply, without a network: the stages and the faults in them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import count

import orjson

from kvv_action.schema import Answer, Json
from kvv_action.simulator.answers import AnswerBook, compose, stopped
from kvv_action.simulator.call import Call, read
from kvv_action.simulator.coins import Occurrences
from kvv_action.simulator.contract import check
from kvv_action.simulator.conversation import messages_of, text_of
from kvv_action.simulator.dialect import heard, said
from kvv_action.simulator.faults.distributions import noisy
from kvv_action.simulator.faults.model import Fault, Turn, Visit
from kvv_action.simulator.faults.registry import drawn
from kvv_action.simulator.fingerprint import Fingerprint, fingerprint
from kvv_action.simulator.language_model import LanguageModel
from kvv_action.simulator.options import VendorOptions
from kvv_action.simulator.prefix_cache import PrefixCache
from kvv_action.simulator.refusal import Refusal, bad_key, unknown_model
from kvv_action.simulator.sight import pictures
from kvv_action.simulator.speech import Speech, recited, spoken, with_prompt
from kvv_action.simulator.tokens import PER_ATTACHMENT, completion_tokens, limited, prompt_tokens
from kvv_action.simulator.wire import CREATED, Reply, Usage, answered, refused

Faults = tuple[Fault, ...]


class Vendor:
    """Answers requests; remembers how many came, how often each conversation came, and how prompts began."""

    def __init__(self, options: VendorOptions, book: AnswerBook) -> None:
        self.options = options
        self._book = book
        self._seen = Occurrences()
        self._visits = count(1)
        self._prefixes = PrefixCache()

    def models(self, authorization: str) -> Reply:
        """The list of models: one."""
        try:
            self._authenticate(authorization)
        except Refusal as refusal:
            return refused(refusal)
        entry = {"id": self.options.model, "object": "model", "created": CREATED, "owned_by": "embedded"}
        window = self.options.profile.context_window
        entry |= {} if window is None else {"max_model_len": window}
        return Reply(parts=(orjson.dumps({"object": "list", "data": [entry]}),))

    def tokens(self, authorization: str, content: bytes) -> Reply:
        """The tokens of a chat, as some engines return them: the control tokens of the template, then the words."""
        try:
            self._authenticate(authorization)
            body = _parsed(content) or {}
            if body.get("model") != self.options.model:
                raise unknown_model(body.get("model"))
        except Refusal as refusal:
            return refused(refusal)
        words = " ".join(text_of(message) for message in messages_of(body)).split()
        strings = [*self.options.profile.markers, *words]
        document = {"count": len(strings), "tokens": [*range(len(strings))], "token_strs": strings}
        return Reply(parts=(orjson.dumps(document),))

    def complete(self, authorization: str, content: bytes, *, raw: bool = False) -> Reply:
        """The reply to a completion whose body is `content`; of a prompt when `raw`, else of a chat."""
        body, rules = _parsed(content), self.options.profile.thinking
        body = body if body is None else heard(body, rules)
        if raw and body is not None:
            # a prompt is known and answered like a user's message
            body = {**body, "messages": [{"role": "user", "content": body.get("prompt")}]}
        prints = fingerprint(content.decode(errors="replace") if body is None else body.get("messages"))
        visit = Visit(
            authorization=authorization,
            digest=prints.whole,
            occurrence=self._seen.next(prints.whole),
            options=self.options,
            size=len(content),
            number=next(self._visits),
        )
        faults = drawn(self.options.faults, visit) if self.options.faults else ()
        reply = said(self._admitted(visit, faults) or self._served(visit, body, prints, faults), rules)
        headers = {"x-request-id": f"req-{prints.whole.hex()}-{visit.occurrence}", **reply.headers}
        return replace(reply, headers=headers, delay=reply.delay + self.options.latency)

    def _admitted(self, visit: Visit, faults: Faults) -> Reply | None:
        """The reply of the first fault that turns the request away."""
        replies = (fault.admit(visit) for fault in faults if fault.admit)
        reply = next((reply for reply in replies if reply is not None), None)
        return None if reply is None else _sent(reply, Turn(visit=visit), faults)

    def _served(self, visit: Visit, body: Mapping[str, Json] | None, prints: Fingerprint, faults: Faults) -> Reply:
        try:
            self._authenticate(visit.authorization)
            call = self._understood(body, prints, faults)
        except Refusal as refusal:
            return _sent(refused(refusal), Turn(visit=visit), faults)
        model = self._model(visit, faults)
        drawn = tuple(_drawn(call, model, visit)) if call.improvised else ()
        answer = self._said(call, faults, drawn[0].answer if drawn else None)
        speeches = _by_tokens(call, answer, model, drawn)
        usage = _counted(call, answer, faults, speeches)
        call = replace(call, cached=self._prefixes.tokens(call, usage["prompt_tokens"] if usage else 0))
        reply = answered(call, answer, usage, self.options.chunk_tokens, speeches)
        reply = replace(reply, writing=self._seconds(answer, speeches))
        return _sent(reply, Turn(visit=visit, call=call, answer=answer), faults)

    def _seconds(self, answer: Answer, speeches: tuple[Speech, ...]) -> float:
        """How long the model writes; all choices of an answer are written at once."""
        speed = self.options.tokens_per_second
        return max(map(len, speeches), default=completion_tokens(answer)) / speed if speed else 0.0

    def _authenticate(self, authorization: str) -> None:
        key = self.options.api_key
        if key is not None and authorization != f"Bearer {key}":
            raise bad_key()

    def _understood(self, body: Mapping[str, Json] | None, prints: Fingerprint, faults: Faults) -> Call:
        """The call that `body` makes.

        Raises:
            Refusal: it is not JSON, asks for another model or breaks a rule.
        """
        if body is None:
            raise Refusal("the request body is not a JSON object")
        if body.get("model") != self.options.model:
            raise unknown_model(body.get("model"))
        waived = frozenset().union(*(fault.waives for fault in faults))
        check(body, self.options.profile, waived)
        for fault in faults:
            if fault.check:
                fault.check(body, self.options.profile)
        call = read(body, prints, self.options.profile)
        known = self._book.lookup(call.messages, prints, body.get("tools")) if faults else None
        call = replace(call, varied=bool(known and known[1].variation))
        for fault in faults:
            call = fault.hear(call) if fault.hear else call
        return call

    def _model(self, visit: Visit, faults: Faults) -> LanguageModel:
        """The model that serves a visit: rounding in its batch moves it a little, faults move it more."""
        model = LanguageModel(name=self.options.profile.name)
        for fault in faults:
            model = fault.serve(model, visit, fault.values) if fault.serve else model
        return noisy(model, visit, "rounding", self.options.noise)

    def _said(self, call: Call, faults: Faults, drawn: Answer | None) -> Answer:
        answer = drawn or compose(call, self._book, self.options.profile.thinking)
        for fault in faults:
            answer = fault.say(answer, call) if fault.say else answer
        answer = stopped(answer, call.stop)
        return answer if call.max_tokens is None or answer == drawn else limited(answer, call.max_tokens)


def _drawn(call: Call, model: LanguageModel, visit: Visit) -> Iterator[Speech]:
    """What the model writes by chance, for each choice."""
    for index in range(call.choices):
        yield spoken(call, model, partial(_draw, visit, index))


def _draw(visit: Visit, index: int, label: str) -> float:
    return visit.draw(f"choice {index} {label}")


def _by_tokens(call: Call, answer: Answer, model: LanguageModel, drawn: tuple[Speech, ...]) -> tuple[Speech, ...]:
    """The answer by tokens, where it was drawn or where its probabilities are asked for."""
    if not drawn or answer != drawn[0].answer:
        drawn = (recited(answer, call, model),) * call.choices if call.logprobs is not None else ()
    return tuple(with_prompt(speech, call, model) for speech in drawn)


def _parsed(raw: bytes) -> Mapping[str, Json] | None:
    """The JSON object in `raw`; None when there is none."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _counted(call: Call, answer: Answer, faults: Faults, speeches: tuple[Speech, ...]) -> Usage | None:
    # pictures count as they were sent: what a fault keeps from the model has been paid for all the same
    lost = sum(1 for _ in pictures(call.body)) - sum(1 for _ in pictures({"messages": list(call.messages)}))
    prompt = prompt_tokens(call) + PER_ATTACHMENT * max(0, lost)
    completion = sum(map(len, speeches)) if speeches else completion_tokens(answer) * call.choices
    usage: Usage | None = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    for fault in faults:
        usage = fault.count(usage, call) if fault.count and usage is not None else usage
    return usage


def _sent(reply: Reply, turn: Turn, faults: Faults) -> Reply:
    for fault in faults:
        reply = fault.send(reply, turn) if fault.send else reply
    return reply
