"""Faults in how long a prompt and how large a body may be."""

from collections.abc import Callable
from dataclasses import replace

from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Message
from kvv_action.simulator.call import Call
from kvv_action.simulator.contract import ContractRule
from kvv_action.simulator.conversation import last_user_text
from kvv_action.simulator.faults.hooks import Body, Check
from kvv_action.simulator.faults.model import FAILS, Fault, Visit
from kvv_action.simulator.refusal import error_document
from kvv_action.simulator.window import refuse_above
from kvv_action.simulator.wire import Ending, Reply

SMALL_WINDOW, HALF_WINDOW = 32_767, 131_072
LARGEST_BODY = 1024 * 1024
LONG, SEEN = 20_000, 4_000
"""Characters of a text that is not read whole, and of what is read of it at each end."""
_PAGE = b"<html><head><title>413 Request Entity Too Large</title></head><body><h1>413</h1></body></html>"


def _window(size: int) -> Check:
    def check(body: Body, _: Profile) -> None:
        refuse_above(size, body)

    return check


def _large(reply: Reply) -> Callable[[Visit], Reply | None]:
    return lambda visit: reply if visit.size > LARGEST_BODY else None


def _kept(call: Call, change: Callable[[str], str]) -> Call:
    return replace(call, messages=[_changed(message, change) for message in call.messages])


def _changed(message: Message, change: Callable[[str], str]) -> Message:
    content = message.get("content")
    return {**message, "content": change(content)} if isinstance(content, str) and len(content) > LONG else message


def _ends(call: Call) -> Call:
    """Only both ends of a long text reach the model."""
    return _kept(call, lambda text: f"{text[:SEEN]}\n\n{text[-SEEN:]}")


def _beginning(call: Call) -> Call:
    """The end of a long text is lost, but for the question."""
    return _kept(call, lambda text: f"{text[:SEEN]}\n\n{text[-120:]}")


def _half_attended(answer: Answer, call: Call) -> Answer:
    """The middle of a long prompt is counted, but the model does not see it."""
    if len(last_user_text(call.messages)) <= LONG or answer.content.count(" ") != 2:
        return answer
    first, _, last = answer.content.split(" ")
    return replace(answer, content=f"{first} {last}")


FAULTS = (
    Fault("refuses-long-prompts", f"refuses prompts above {SMALL_WINDOW} tokens",
          "the context is too small for a long prompt", check=_window(SMALL_WINDOW)),
    Fault("serves-half-the-window", f"refuses prompts above {HALF_WINDOW} tokens",
          "Pre-Verification at full fails: the context is too small for a long prompt", check=_window(HALF_WINDOW)),
    Fault("cuts-beyond-the-window", "takes prompts beyond its window, and cuts them silently",
          "Pre-Verification at full fails: long prompts are cut silently", waives=frozenset({ContractRule.WINDOW}),
          hear=lambda call: _ends(call) if len(last_user_text(call.messages)) > 2 * 270_000 else call),
    Fault("cuts-middle-of-prompts", "cuts the middle of a long message out", f"{FAILS}long prompts are cut silently",
          hear=_ends),
    Fault("cuts-end-of-prompts", "cuts the end of a long message off, but for its last line",
          f"{FAILS}long prompts are cut silently", hear=_beginning),
    Fault("overlooks-middle-of-prompts", "counts a long prompt whole and overlooks its middle",
          f"{FAILS}a part of a long prompt does not reach the model", say=_half_attended),
    Fault("refuses-large-bodies", "answers 404 to bodies above 1 MiB", "a limit of the body is found and named",
          admit=_large(Reply(status=404, parts=(error_document("not found", "not_found_error"),)))),
    Fault("refuses-large-bodies-by-page", "a proxy answers 413 with a page to bodies above 1 MiB",
          "a limit of the body is found and named",
          admit=_large(Reply(status=413, parts=(_PAGE,), content_type="text/html"))),
    Fault("resets-large-bodies", "closes the connection at bodies above 1 MiB",
          "a limit of the body is found and named", admit=_large(Reply(parts=(), ending=Ending.ABORTED))),
)  # fmt: skip
