"""Faults where a limit or a stop sequence cuts thinking, and in log probabilities."""

from collections.abc import Callable

from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.chunks import Document, in_answers
from kvv_action.simulator.faults.filing import cut_thinking
from kvv_action.simulator.faults.model import FAILS, Fault


def _stopped_thought(answer: Answer, call: Call) -> str | None:
    """The thinking up to the first stop sequence in it; None where there is none."""
    places = [at for at in (answer.reasoning.find(stop) for stop in call.stop) if at >= 0]
    return answer.reasoning[: min(places)] if places else None


def _ends(answer: Answer, call: Call) -> Answer:
    thought = _stopped_thought(answer, call)
    return answer if thought is None else Answer(content="", reasoning=thought, finish_reason="stop")


def _becomes_content(answer: Answer, call: Call) -> Answer:
    thought = _stopped_thought(answer, call)
    return answer if thought is None else Answer(content=thought, finish_reason="stop")


def _in_logprobs(change: Callable[[Document], Json]) -> Callable[[Document], Document]:
    """A change in the log probabilities of chats."""

    def of_chat(choice: Document) -> bool:
        return "content" in (choice.get("logprobs") or ())

    def changed(document: Document) -> Document:
        choices = [
            {**choice, "logprobs": change(choice["logprobs"])} if of_chat(choice) else choice
            for choice in document["choices"]
        ]
        return {**document, "choices": choices}

    return changed


def _as_text(logprobs: Document) -> Json:
    return {"content": [{**entry, "logprob": str(entry["logprob"])} for entry in logprobs["content"]]}


def _old_form(logprobs: Document) -> Json:
    """The form of completions of prompts."""
    entries = logprobs["content"]
    return {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
    }


FAULTS = (
    Fault("stop-in-thinking-ends-answer", "ends the answer where the model thinks of a stop sequence",
          "a warning of Pre-Verification: a stop sequence in the thinking ends the answer", say=_ends),
    Fault("stop-in-thinking-becomes-content", "ends thinking at a stop sequence and files it as content",
          f"{FAILS}thinking that a stop sequence ended becomes content", say=_becomes_content),
    Fault("files-cut-thinking-as-content-whole",
          "files thinking that max_tokens cut as content in answers that are not streamed",
          f"{FAILS}cut thinking becomes content",
          say=lambda answer, call: answer if call.stream else cut_thinking(answer, call)),
    Fault("sends-logprobs-as-text", "sends log probabilities as text instead of numbers",
          "a warning of Pre-Verification: log probabilities are malformed", send=in_answers(_in_logprobs(_as_text))),
    Fault("sends-old-logprobs", "sends log probabilities in the form of completions of prompts",
          "a warning of Pre-Verification: log probabilities are malformed", send=in_answers(_in_logprobs(_old_form))),
)  # fmt: skip
