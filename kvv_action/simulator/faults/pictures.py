"""Faults in the handling of pictures.

The vendor knows an answer by the digest of all that it was sent, pictures included. A fault changes what reaches the
model: pictures that are gone, exchanged or unreadable make the question another one, and the vendor guesses. Samples
marked `fine` cannot be answered any more when a picture was scaled down or encoded again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from kvv_action.pictures import JPEG, WEBP, media_type
from kvv_action.schema import Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.contract import ContractRule
from kvv_action.simulator.faults.hooks import Body, refuses
from kvv_action.simulator.faults.model import FAILS, Fault
from kvv_action.simulator.fingerprint import fingerprint
from kvv_action.simulator.sight import Sight, content_of, has_pictures, pictures, rearranged
from kvv_action.simulator.tokens import prompt_tokens
from kvv_action.simulator.wire import Usage, counting


def _seeing(order: Callable[[list[Json]], Sequence[Json]]) -> Callable[[Call], Call]:
    """The call with other pictures; the vendor is blind when none is left."""

    def hear(call: Call) -> Call:
        if not has_pictures(call.messages):
            return call
        messages = rearranged(call.messages, order)
        sight = call.sight if has_pictures(messages) else Sight.BLIND
        return replace(call, messages=messages, fingerprint=fingerprint(messages), sight=sight)

    return hear


def _blurred(call: Call) -> Call:
    return replace(call, sight=Sight.BLURRED) if has_pictures(call.messages) and call.sight is Sight.CLEAR else call


def _jpegs(found: list[Json]) -> Sequence[Json]:
    return [part for part in found if media_type(content_of(part) or b"") == JPEG]


def _has_webp(body: Body) -> bool:
    return any(media_type(content_of(part) or b"") == WEBP for part in pictures(body))


def _without_pictures(usage: Usage, call: Call) -> Usage:
    sent = call.body.get("messages")
    if not isinstance(sent, list) or not any(pictures(call.body)):
        return usage
    return counting(usage, prompt_tokens=prompt_tokens(replace(call, messages=rearranged(sent, lambda _: ()))))


FAULTS = (
    Fault("ignores-images", "leaves out all pictures before the model",
          f"{FAILS}pictures do not reach the model. Asked all the same, OCRBench and MMMU Pro "
          "fail: answers without looking, the score is that of guessing",
          hear=_seeing(lambda _: ())),
    Fault("swaps-images", "hands several pictures over in the wrong order",
          f"{FAILS}pictures lose their order. Asked all the same, MMMU Pro fails where a "
          "question has several pictures; OCRBench, with one each, passes",
          hear=_seeing(lambda found: found[::-1])),
    Fault("drops-second-image", "hands only the first picture of a message over",
          f"{FAILS}only some pictures reach the model. Asked all the same, MMMU Pro fails "
          "where a question has several pictures; OCRBench, with one each, passes",
          hear=_seeing(lambda found: found[:1])),
    Fault("downscales-images", "scales pictures down until small text and thin lines are gone",
          "OCRBench and MMMU Pro fail, coarse pictures pass: the endpoint sees badly", hear=_blurred),
    Fault("jpeg-artifacts", "encodes pictures again with heavy loss",
          "OCRBench and MMMU Pro fail, coarse pictures pass: the endpoint sees badly", hear=_blurred),
    Fault("rejects-webp", "answers 400 to pictures in WebP",
          f"{FAILS}a format of pictures is refused. Asked all the same, those samples are "
          "failed, not wrong: OCRBench and MMMU Pro are inconclusive and name the format",
          check=refuses(_has_webp, "unsupported image format: image/webp")),
    Fault("wrong-media-type", "takes every picture for a JPEG and sees nothing of the others",
          f"{FAILS}pictures do not reach the model. Asked all the same, OCRBench and MMMU Pro "
          "fail on all formats but JPEG, and the diagnosis names them",
          hear=_seeing(_jpegs)),
    Fault("image-token-miscount", "counts no prompt tokens for pictures",
          f"{FAILS}prompt tokens do not count pictures; scores are untouched", count=_without_pictures),
    Fault("refuses-pictures", "refuses messages with pictures: the text model is served alone",
          f"{FAILS}pictures are refused, so nothing can be said about broken ones",
          check=refuses(lambda body: any(pictures(body)), "invalid messages: this model takes text only")),
    Fault("accepts-broken-pictures", "answers about pictures that it cannot decode",
          f"{FAILS}a broken picture is accepted", waives=frozenset({ContractRule.PICTURES})),
)  # fmt: skip
