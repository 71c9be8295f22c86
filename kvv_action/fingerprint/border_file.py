"""The file of border samples: one JSON document in canonical bytes, and its strict reader."""

from typing import Annotated

import orjson
from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass

from kvv_action.adapters import adapter
from kvv_action.errors import KvvError
from kvv_action.fingerprint.border import BorderPrompt, BorderSamples
from kvv_action.fingerprint.prefix_part import STRICT, Amount, PrefixPart, Word, first_of, prefix_of
from kvv_action.schema import Thinking

FORM = "kvv border samples 1"
LARGEST = 8 * 2**20
Share = Annotated[float, Field(ge=0, le=10)]
Count = Annotated[int, Field(ge=1, le=100_000)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _BorderLine:
    prefix: PrefixPart
    counts: Annotated[dict[Word, Count], Field(max_length=4096)]
    prompt_tokens: Amount | None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _BorderDocument:
    form: Word
    vendor: Word
    model: Word
    profile: Word
    started: Amount
    version: Word
    temperature: Share | None
    top_p: Share | None
    max_tokens: Count
    thinking: Thinking
    prompts: Annotated[tuple[_BorderLine, ...], Field(min_length=1, max_length=256)]


def samples_as_bytes(samples: BorderSamples) -> bytes:
    """The file; the same samples give the same bytes."""
    document = {"form": FORM, **orjson.loads(orjson.dumps(samples))}
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def parse_samples(data: bytes, where: str) -> BorderSamples:
    """Read border samples.

    Raises:
        KvvError: it is no such file; the message names the place of the mistake.
    """
    if len(data) > LARGEST:
        raise KvvError(f"{where}: is larger than {LARGEST} bytes, so it holds no border samples")
    try:
        found = adapter(_BorderDocument).validate_json(data)
    except ValidationError as error:
        raise KvvError(f"{where}: holds no border samples: {first_of(error)}") from None
    if found.form != FORM:
        raise KvvError(f"{where}: its form is {found.form[:100]!r}; this version reads {FORM!r}")
    return BorderSamples(
        vendor=found.vendor, model=found.model, profile=found.profile, started=found.started, version=found.version,
        temperature=found.temperature, top_p=found.top_p, max_tokens=found.max_tokens, thinking=found.thinking,
        prompts=tuple(_prompt(line, where) for line in found.prompts),
    )  # fmt: skip


def _prompt(line: _BorderLine, where: str) -> BorderPrompt:
    prefix = prefix_of(line.prefix, where)
    return BorderPrompt(prefix=prefix, counts=line.counts, prompt_tokens=line.prompt_tokens)
