"""What `kvv profiles new` has seen of a model. Where and when it was seen is added when the file is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kvv_action.profiles.model import ImmutableParameter, RightRefusal
from kvv_action.schema import Json


@dataclass(slots=True, kw_only=True)
class ObservedModel:
    """What was seen; None and empty where nothing was.

    Attributes:
        thinks: by default.
        off, on: body fields that turn thinking off and on at the official API.
        switchable: turning it off works.
        template_switch, template_effort: names in `chat_template_kwargs` that work.
        efforts: levels that are taken, where others are refused.
        effort_place: where the level stands.
        effort_range: numbers that are levels.
        answer_field, inline: where thinking stands.
        parameters: those that are locked.
        call_ids: form of the ids of calls.
        formless_ids: ids of calls, where no form of them was seen.
        markers: control tokens, by the count of a raw prompt.
        window, output_limit: tokens.
        word_tokens: of a short English word, where it is not about one.
        refusals: what is refused although OpenAI's API takes it.
        vision: a picture was read; None where it could not be told.
        room: `max_tokens` with which a plain question was answered.
        usage: keys of usage, with dots.
        logprobs: probabilities of the next token come.
        requests: sent.
        notes: for readers.
    """

    thinks: bool | None = None
    off: Mapping[str, Json] = field(default_factory=dict)
    on: Mapping[str, Json] = field(default_factory=dict)
    switchable: bool = False
    template_switch: str = ""
    template_effort: str = ""
    efforts: tuple[str, ...] = ()
    effort_place: str = ""
    effort_range: tuple[int, int] | None = None
    answer_field: str = ""
    inline: tuple[str, str] | None = None
    parameters: tuple[ImmutableParameter, ...] = ()
    call_ids: str = ""
    formless_ids: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    window: int | None = None
    output_limit: int | None = None
    word_tokens: float | None = None
    refusals: tuple[RightRefusal, ...] = ()
    vision: bool | None = None
    room: int = 4096
    usage: tuple[str, ...] = ()
    logprobs: bool | None = None
    requests: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def can_think(self) -> bool:
        """Whether the model was seen to think, or thinking could be turned on or off."""
        return bool(self.thinks or self.switchable)
