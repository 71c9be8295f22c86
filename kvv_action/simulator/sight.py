"""Pictures in a conversation: their bytes, how well they are seen, and what is said when they are not."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum

from kvv_action.pictures import media_type
from kvv_action.profiles.model import Profile
from kvv_action.schema import Json, Message
from kvv_action.simulator.coins import toss
from kvv_action.simulator.refusal import Refusal

_OPTION = re.compile(r"^([A-Z])\. ", re.MULTILINE)
_WORDS = ("OPEN", "EXIT", "WELCOME", "HOTEL", "PARKING")


class Sight(StrEnum):
    """How well the vendor sees.

    `clear`: every picture as it was sent. `blurred`: fine detail is lost. `blind`: pictures do not reach the model.
    """

    CLEAR = "clear"
    BLURRED = "blurred"
    BLIND = "blind"


def is_picture(part: Json) -> bool:
    """Whether a part of a message's content is a picture."""
    return isinstance(part, Mapping) and part.get("type") == "image_url"


def has_pictures(messages: Sequence[Message]) -> bool:
    """Whether anything in a conversation is a picture."""
    return any(is_picture(part) for message in messages for part in _parts(message))


def _parts(message: Message) -> Sequence[Json]:
    content = message.get("content")
    return content if isinstance(content, list) else ()


def _url(part: Mapping[str, Json]) -> str:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    return url if isinstance(url, str) else ""


def content_of(part: Mapping[str, Json]) -> bytes | None:
    """The bytes of a picture that came as a data URL; None for another address, or when they are no base64."""
    head, comma, text = _url(part).partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def pictures(body: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """The picture parts of a request."""
    messages = body.get("messages")
    return sent(messages) if isinstance(messages, list) else iter(())


def sent(messages: Sequence[Json]) -> Iterator[Mapping[str, Json]]:
    """The picture parts of messages, in order; what is no message has none."""
    for message in messages:
        if isinstance(message, Mapping):
            yield from (part for part in _parts(message) if is_picture(part))


def check_pictures(body: Mapping[str, Json], profile: Profile) -> None:  # noqa: ARG001 - all rules are called alike
    """Refuse a data URL that holds no picture, or one of another media type than it says."""
    for part in pictures(body):
        url = _url(part)
        if not url.startswith("data:"):
            continue
        declared = url[len("data:") :].partition(";")[0]
        actual = media_type(content_of(part) or b"")
        if not actual:
            raise Refusal("invalid image_url: the data URL holds no picture")
        if actual != declared:
            raise Refusal(f"invalid image_url: declared as {declared[:40]}, but it is {actual}")


def rearranged(messages: Sequence[Message], order: Callable[[list[Json]], Sequence[Json]]) -> list[Message]:
    """The conversation with other pictures.

    Args:
        messages: as they were sent.
        order: gets the picture parts of a message and says which stand in their places; places that are left
            over disappear.
    """
    return [_message(message, order) for message in messages]


def _message(message: Message, order: Callable[[list[Json]], Sequence[Json]]) -> Message:
    parts = _parts(message)
    found = [part for part in parts if is_picture(part)]
    if not found:
        return message
    new = iter(order(found))
    content = [next(new, None) if is_picture(part) else part for part in parts]
    return {**message, "content": [part for part in content if part is not None]}


def guess(text: str, digest: bytes) -> str:
    """A guess of a model that sees nothing: plausible, and right only by chance.

    Args:
        text: what was asked.
        digest: of the conversation; the same conversation gets the same guess.
    """
    options = _OPTION.findall(text) or (list("ABCDEFGHIJ") if "option" in text else [])
    drawn = toss(0, "guess", digest)
    if options:
        return f"From what is asked, this seems most likely.\n\nAnswer: {options[int(drawn * len(options))]}"
    return f"It says {_WORDS[int(drawn * len(_WORDS))]}"
