"""The settings behind action inputs, `KVV_*` environment and command-line options: the engine's own.

Every setting has one name: `max-connections` is the input `max-connections`, the option `--max-connections` and the
variable `KVV_MAX_CONNECTIONS`. Options win over inputs, inputs over the environment. Empty means not given.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from kvv_action.errors import Problem, UsageError, nearest
from kvv_action.options import option_name as option_name
from kvv_action.redact import MASK, Redactor, is_placeholder
from kvv_action.schema import MOST_BROKEN_TRIES, MOST_FAILURES

ENV_PREFIX = "KVV_"
MOST_SLIPS = 2
"""Characters by which a misspelt variable differs from the right one, at most."""
RESERVED_BODY = ("model", "messages", "stream", "stream_options")
RESERVED_HEADERS = (
    "authorization",
    "content-type",
    "content-length",
    "host",
    "accept-encoding",
    "transfer-encoding",
)
OTHER_VARIABLES = frozenset(
    {
        "KVV_BUILD_CA", "KVV_COMMIT", "KVV_CONFIG", "KVV_DOCKER_CLI", "KVV_IMAGE", "KVV_REFERENCE_DATA",
        "KVV_TEST_IMAGE",
    }
)  # fmt: skip
"""`KVV_*` variables that are not settings: builds and tests read them."""


INPUTS_OF_GITHUB = ("args", "entrypoint")
"""Inputs of every action that is a container."""


class Secret(SecretStr):
    """A secret that prints as `***`."""

    def _display(self) -> str:
        return "***" if self.get_secret_value() else ""


def _boolean(value: Any) -> Any:
    """`true` and `false` as GitHub writes them; nothing else."""
    if isinstance(value, bool):
        return value
    if value in ("true", "True", "TRUE"):
        return True
    if value in ("false", "False", "FALSE"):
        return False
    raise ValueError("Use true or false.")


def items(value: Any) -> Any:
    """A list given as lines, or separated by commas."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, (list, tuple)):
        return value
    parts = (part.strip() for text in value for part in re.split(r"[,\n]", str(text)))
    return tuple(dict.fromkeys(part for part in parts if part))


def lines(value: Any) -> tuple[str, ...]:
    """A list given as lines; commas belong to the items."""
    texts = [value] if isinstance(value, str) else value
    return tuple(line.strip() for text in texts for line in str(text).splitlines() if line.strip())


def _mirrors(value: Any) -> Any:
    """`from=to` lines of image prefixes as a mapping; a prefix alone is a mirror of Docker Hub."""
    if isinstance(value, Mapping):
        return dict(value)
    mirrors: dict[str, str] = {}
    for line in lines(value):
        source, equals, target = (part.strip().strip("/") for part in line.rpartition("="))
        source = source if equals else "docker.io"
        if not re.fullmatch(r"[\w.:/-]+", source) or not re.fullmatch(r"[\w.:/-]+", target) or "//" in line:
            raise ValueError("Write PREFIX or FROM=TO, one a line, as in docker.io/swebench=registry.example.com/mine.")
        if source in mirrors:
            raise ValueError(f"{source!r} is given twice.")
        mirrors[source] = target
    return mirrors


def _datasets(value: Any) -> Any:
    """`id=path` lines as a mapping."""
    if isinstance(value, Mapping):
        return dict(value)
    pairs: dict[str, str] = {}
    for line in lines(value):
        name, equals, path = (part.strip() for part in line.partition("="))
        if not (name and equals and path):
            raise ValueError(f"Write BENCHMARK=PATH, one a line; {line!r} is not of that form.")
        if name in pairs:
            raise ValueError(f"{name!r} is given twice.")
        pairs[name] = path
    return pairs


def _headers(value: Any) -> Any:
    """`Name: value` lines as a mapping; names that we set ourselves are refused."""
    if isinstance(value, Mapping):
        return dict(value)
    headers: dict[str, str] = {}
    for line in lines(value):
        name, colon, text = (part.strip() for part in line.partition(":"))
        if not (colon and re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) and text.isprintable() and text.isascii()):
            raise ValueError("Write 'Name: value' in printable ASCII, one header a line.")
        if name.lower() in RESERVED_HEADERS:
            raise ValueError(f"{name} is set by kvv itself; the key belongs into api-key.")
        headers[name] = text
    return headers


def _secret_headers(value: Any) -> str:
    """The lines of headers, checked like those that are no secret."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else "\n".join(lines(value))
    _headers(text)
    return text


def _think_mode(value: Any) -> Any:
    """`official` is another name of the mode that asks as the official API is asked."""
    return "kimi" if value == "official" else value


def _body(value: Any) -> Any:
    """A JSON object that may not replace what the verifier itself sends."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"Write a JSON object; it does not parse: {error}.") from None
    if not isinstance(value, dict):
        raise ValueError("Write a JSON object.")
    for name in RESERVED_BODY:
        if name in value:
            raise ValueError(f"It may not hold {name!r}, which kvv sets itself.")
    return value


def _url(value: str, info: ValidationInfo) -> str:
    """An http(s) URL without credentials, query or fragment."""
    form = "Write the URL up to the version, as in https://api.example.com/v1."
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as error:
        port = "A port is a number from 1 to 65535." if str(error).startswith("Port ") else ""
        raise ValueError(f"{form} {port or f'{error}.'}") from None
    if parts.netloc.count(":") > 1 and "[" not in parts.netloc and "@" not in parts.netloc:
        raise ValueError(f"{form} An IPv6 address stands in brackets, as in http://[::1]:8000/v1.")
    if re.search(r"[,;]https?://", parts.path):  # a gateway's path may hold an address
        raise ValueError(f"{form} Give one address.")
    if not whole or not value.isprintable() or " " in value:
        raise ValueError(form)
    if parts.username or parts.password:
        key = option_name((info.field_name or "").replace("base_url", "api_key"))
        raise ValueError(f"It holds credentials; the key belongs into {key}.")
    if parts.query or parts.fragment:
        raise ValueError("Leave out '?' and '#'; extra fields go into extra-body or extra-headers.")
    if not _is_host(parts.hostname or ""):
        raise ValueError(f"{form} {parts.hostname!r} cannot be the name of a host.")
    url = value.rstrip("/")
    return url.removesuffix("/chat/completions")


def _is_host(name: str) -> bool:
    """Whether a name can be looked up: an address, or labels of at most 63 characters."""
    if not name.isascii():
        import httpx

        try:
            name = httpx.URL(scheme="http", host=name).raw_host.decode()
        except httpx.InvalidURL:
            return False
    labels = name.removesuffix(".").split(".")
    return ":" in name or (len(name) < 254 and all(re.fullmatch(r"[a-z\d_-]{1,63}", label) for label in labels))


def _key(value: Any) -> Any:
    """A key as it fits into a header; the message never shows it."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    text = text.strip()
    if told := _not_a_key(text):
        raise ValueError(told)
    return text


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "'\"`"


def _not_a_key(text: str) -> str:
    """What was given with a key, or in its place; empty for a key as it fits into a header."""
    if text[:7].lower() == "bearer ":
        return "It begins with 'Bearer '; give the key alone, kvv adds that word."
    if _is_quoted(text):
        return "It stands in quotation marks; give the key without them."
    if set(text) == {"*"}:
        return "It is all asterisks, as logs show a key; give the key itself."
    if re.match(r"[A-Z][A-Z\d]*_[A-Z\d_]*=", text):
        return "It begins with the name of a variable, as in VENDOR_KEY=key; give the key alone."
    if text.startswith("$") or re.fullmatch(r"<.*>|%\w+%", text, re.DOTALL):
        return "It is the name of a key, as in $KEY or <key>, and not the key itself; the variable was not put in."
    if not (text.isascii() and text.isprintable()) or " " in text:
        return "It holds spaces, line breaks or characters that cannot stand in a header."
    return ""


def _shard(value: str) -> str:
    """A shard of a run; counting from 0, as Kubernetes does, names the same shards."""
    found = re.fullmatch(r"(\d{1,4})\s*/\s*(\d{1,4})", value, re.ASCII)
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (of and number <= of):
        raise ValueError("Write I/N with I from 1 to N, as in 2/4; N is at most 9999.")
    return f"{number or of}/{of}"


def _word(value: str) -> str:
    """Text for reports: one line of printable characters."""
    if not value.isprintable() or len(value) > 200:
        raise ValueError("Use at most 200 printable characters.")
    return value


def _agent(value: str) -> str:
    """A user agent: what a header can carry, and a record can say."""
    if not (value.isascii() and value.isprintable()) or len(value) > 200 or value != value.strip():
        raise ValueError("Use at most 200 printable ASCII characters.")
    return value


OWNER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")
"""A repository on GitHub."""


def _repository(value: str) -> str:
    """`owner/name`."""
    if value and not OWNER_NAME.fullmatch(value):
        raise ValueError("Write OWNER/NAME, as in example/leaderboard.")
    return value


def _vendor_id(value: str) -> str:
    """A folder's name in the leaderboard's repository."""
    if value and (".." in value or not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?", value)):
        raise ValueError("Use 1 to 64 small letters, digits, dots and hyphens, as the leaderboard lists its vendors.")
    return value


def _https(value: str) -> str:
    """An https address without credentials."""
    parts = urlsplit(value)
    if value and (parts.scheme != "https" or not parts.hostname or parts.username is not None or not value.isascii()):
        raise ValueError("Write an https:// address without credentials.")
    return value


ALL_EFFORTS = "all"
"""In place of a level of effort: one run for each."""
SECRETS = ("api_key", "reference_api_key", "judge_api_key", "leaderboard_token", "secret_headers")
"""Settings that are secrets: never options, never shown."""

Boolean = Annotated[bool, BeforeValidator(_boolean)]
Names = Annotated[tuple[str, ...], BeforeValidator(items)]
Lines = Annotated[tuple[str, ...], BeforeValidator(lines)]
Word = Annotated[str, AfterValidator(_word)]


def setting(
    default: Any, help_text: str, *, group: str, metavar: str = "", path: Literal["", "file"] = "", **limits: Any
) -> Any:
    """A field with what `--help`, README and action.yml say about it; `path` as for `kvv_action.options.choice`."""
    facts = {"group": group, "metavar": metavar, "path": path}
    return Field(default, description=help_text, json_schema_extra={**facts}, **limits)


class _InputSource(PydanticBaseSettingsSource):
    """Action inputs: GitHub passes `INPUT_<NAME>` with hyphens kept."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        value = os.environ.get(f"INPUT_{option_name(field_name).upper()}", "").strip()
        return value or None, field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


class _VariableSource(_InputSource):
    """Variables `KVV_<NAME>`, in letters of any case. With pydantic's own source settings take three times as long."""

    def __call__(self) -> dict[str, Any]:
        given = {name.lower(): value.strip() for name, value in os.environ.items() if value.strip()}
        named = {name: f"{ENV_PREFIX}{name}".lower() for name in self.settings_cls.model_fields}
        return {name: given[variable] for name, variable in named.items() if variable in given}


class SettingsBase(BaseSettings):
    """Reads settings from options, inputs and environment."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Texts without surrounding blanks, which YAML blocks and shells leave behind; blank means not given."""
        stripped = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
        return {name: value for name, value in stripped.items() if value != ""}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then inputs, then environment; nothing is read from files."""
        del env_settings, dotenv_settings, file_secret_settings
        return init_settings, _InputSource(settings_cls), _VariableSource(settings_cls)


class Settings(SettingsBase):
    """What a user can set for a run, whatever the benchmarks; their own settings are in their `options.py`."""

    base_url: Annotated[str, AfterValidator(_url)] = setting(
        "", "URL of the OpenAI-compatible endpoint, up to the version.", group="endpoint", metavar="URL"
    )
    api_key: Annotated[Secret, BeforeValidator(_key)] = setting(
        Secret(""),
        "Key of the endpoint. From a secret or KVV_API_KEY, never from the command line.",
        group="endpoint",
    )
    model: Word = setting("", "Model name that the endpoint serves.", group="endpoint", metavar="NAME")
    vendor: Word = setting("", "Name of the vendor in reports. Default: the host of base-url.", group="endpoint")
    profile: Word = setting(
        "",
        "Profile of the model (`kvv profiles` lists them) or the path of a TOML file. Default: the model's name.",
        group="endpoint",
        metavar="NAME|FILE",
    )
    think_mode: Annotated[Literal["kimi", "opensource", "none"], BeforeValidator(_think_mode)] = setting(
        "kimi",
        "How thinking is asked for: as at the official API (kimi, also called official), by chat_template_kwargs "
        "(vLLM, SGLang), or not at all.",
        group="endpoint",
    )
    effort: Word = setting(
        "",
        "Thinking effort, where the profile has levels. all makes one run per level, each in out/LEVEL, and one table.",
        group="endpoint",
        metavar="LEVEL|all",
    )
    contract: Literal["official", "compatible"] = setting(
        "official",
        "official: locked parameters must be refused when changed. compatible: they may be accepted.",
        group="endpoint",
    )
    extra_body: Annotated[dict[str, Any], BeforeValidator(_body)] = setting(
        {}, "JSON object merged into every request body.", group="endpoint", metavar="JSON"
    )
    extra_headers: Annotated[dict[str, str], BeforeValidator(_headers)] = setting(
        {}, "Headers sent with every request, `Name: value` a line.", group="endpoint", metavar="HEADER"
    )
    user_agent: Annotated[str, AfterValidator(_agent)] = setting(
        "",
        "User agent of every request, in place of kvv's own; reports and leaderboard records say it.",
        group="endpoint",
        metavar="NAME",
    )
    secret_headers: Annotated[Secret, BeforeValidator(_secret_headers)] = setting(
        Secret(""),
        "Headers whose values are secrets, whatever their names, `Name: value` a line. From a secret or "
        "KVV_SECRET_HEADERS, never from the command line.",
        group="endpoint",
    )
    benchmarks: Names = setting(
        (), "Benchmarks to run (`kvv benchmarks` lists them). Default: all that the profile has for the tier.",
        group="plan", metavar="ID,ID",
    )  # fmt: skip
    tier: Literal["smoke", "standard", "full"] = setting(
        "smoke",
        "How much to run: smoke (about five minutes; what takes longer is left out unless `benchmarks` names it), "
        "standard (about an hour), full (as published).",
        group="plan",
    )
    dataset: Annotated[dict[str, str], BeforeValidator(_datasets)] = setting(
        {},
        "Where samples come from: BENCHMARK=FILE, =FOLDER or =bundled, one a line. Default: the pinned hub dataset.",
        group="plan",
        metavar="ID=PATH",
    )
    dataset_cache: str = setting("", "Folder in which hub datasets are cached.", group="plan", metavar="DIR")
    dataset_pins: str = setting(
        "",
        "File with commits and digests of datasets for which kvv knows none (OCRBench, SWE-bench); "
        "`kvv datasets pin` writes it.",
        group="plan",
        metavar="FILE",
        path="file",
    )
    allow_dataset_drift: Boolean = setting(
        False, "Accept a dataset that differs from the pinned one; the report says so.", group="plan"
    )
    epochs: int | None = setting(None, "Answers per sample. Default: by tier and profile.", group="plan", ge=1, le=1024)
    limit: int | None = setting(
        None, "At most this many samples of each benchmark, chosen by seed.", group="plan", ge=1, le=1_000_000
    )
    seed: int = setting(
        0, "Chooses the subset when limit is set, and what holdout changes.", group="plan", ge=0, le=2**63 - 1
    )
    holdout: Literal["off", "vary", "both"] = setting(
        "off",
        "Items in other words and another order, in shuffled order and without a tell-tale user agent: vary asks them "
        "instead of the published ones, both asks each in both ways and reports the gap.",
        group="plan",
    )
    sequential: Annotated[bool | None, BeforeValidator(_boolean)] = setting(
        None,
        "End a benchmark as soon as its verdict is clear; looking early is allowed for in the limits. "
        "Default: true at tier standard, and at full "
        "with runs or packs as reference; else false.",
        group="plan",
        metavar="true|false",
    )
    max_failure_rate: float = setting(
        MOST_FAILURES,
        "Share of a benchmark's answers that may fail for good. If the missing answers decide the verdict: more than "
        "this share failed means fail, otherwise inconclusive.",
        group="plan",
        metavar="SHARE",
        ge=0,
        le=1,
    )
    max_broken_tries: float = setting(
        MOST_BROKEN_TRIES,
        "Share of requests that may break at the first try, after the server had accepted them: cut streams, errors in "
        "the stream, resets, 5xx. If more than this share is shown to break, the run fails, even if retries mend it.",
        group="plan",
        metavar="SHARE",
        ge=0,
        le=1,
    )
    shard: Annotated[str, AfterValidator(_shard)] = setting(
        "",
        "Ask one shard of the run: 2/4 is the second of four, 0/4 another name for 4/4. The first is Pre-Verification "
        "alone, and nothing ends early, as with sequential: false. `kvv merge` makes one report of all shards.",
        group="plan",
        metavar="I/N",
    )
    precheck: Literal["gate", "warn", "off"] = setting(
        "gate",
        "Pre-Verification: gate (a failure skips the rest), warn (report only), off (not run).",
        group="plan",
    )
    tokenizer: str = setting(
        "", "The model's tiktoken file; with it token counts are compared absolutely.", group="plan", metavar="FILE",
        path="file",
    )  # fmt: skip
    reference: Lines = setting(
        (),
        "What answers are compared with, one a line: folders of kvv's runs against an official endpoint, or reference "
        "packs of such runs (a file, or URL@sha256:DIGEST), with which every score is compared sample by sample; for "
        "toolcall also official, none, K2VV result files or journals. "
        "Default: what is published, or belongs to the samples.",
        group="plan",
        metavar="DIR|FILE|URL",
    )
    reference_base_url: Annotated[str, AfterValidator(_url)] = setting(
        "",
        "URL of an endpoint that toolcall asks the same and compares with, beside the budget. No other benchmark does: "
        "for them verify the reference by itself and give its folder as reference.",
        group="plan",
        metavar="URL",
    )
    reference_model: Word = setting("", "Model name at reference-base-url. Default: model.", group="plan")
    reference_api_key: Annotated[Secret, BeforeValidator(_key)] = setting(
        Secret(""),
        "Key of reference-base-url. From a secret or KVV_REFERENCE_API_KEY, never from the command line.",
        group="plan",
    )
    judge_base_url: Annotated[str, AfterValidator(_url)] = setting(
        "",
        "URL of an endpoint whose model judges the answers of benchmarks that need a judge (beam).",
        group="judge",
        metavar="URL",
    )
    judge_model: Word = setting("", "Model name at judge-base-url.", group="judge", metavar="NAME")
    judge_api_key: Annotated[Secret, BeforeValidator(_key)] = setting(
        Secret(""),
        "Key of judge-base-url. From a secret or KVV_JUDGE_API_KEY, never from the command line.",
        group="judge",
    )
    judge_extra_body: Annotated[dict[str, Any], BeforeValidator(_body)] = setting(
        {},
        'JSON object merged into every request to the judge, as in {"temperature": 1.0}. '
        "Default: temperature 0.3, max_tokens 16384.",
        group="judge",
        metavar="JSON",
    )
    judge_max_requests: int | None = setting(
        None,
        "Stop after this many requests to the judge, inconclusive; they are no part of max-requests.",
        group="judge",
        ge=1,
        le=1_000_000_000,
    )
    judge_max_tokens: int | None = setting(
        None,
        "Stop after this many tokens of the judge; they are no part of max-tokens and max-cost.",
        group="judge",
        ge=1,
        le=1_000_000_000_000,
    )
    stream: Boolean = setting(True, "Ask for event streams.", group="traffic")
    max_connections: int = setting(50, "Requests in flight at most.", group="traffic", ge=1, le=2000)
    connect_timeout: float = setting(10.0, "Seconds to connect.", group="traffic", gt=0, le=600)
    first_token_timeout: float = setting(
        600.0, "Seconds until the first token of a stream.", group="traffic", gt=0, le=86_400
    )
    silence_timeout: float = setting(300.0, "Seconds between two tokens.", group="traffic", gt=0, le=86_400)
    total_timeout: float = setting(7200.0, "Seconds for one whole answer.", group="traffic", gt=0, le=86_400)
    retry_attempts: int = setting(5, "Tries per request, the first included.", group="traffic", ge=1, le=20)
    retry_max_seconds: float = setting(
        600.0, "Seconds that the retries of one request may take.", group="traffic", ge=0, le=86_400
    )
    retry_base: float = setting(1.0, "Seconds of the first back-off; it doubles.", group="traffic", gt=0, le=60)
    max_response_bytes: int = setting(
        64 * 2**20, "Largest response that is read.", group="traffic", metavar="BYTES", ge=1024, le=2**32
    )
    max_memory: int = setting(
        256 * 2**20,
        "Bytes that all responses in flight may hold together, and the text of one of them a quarter of that; beyond "
        "that, the largest response ends.",
        group="traffic",
        metavar="BYTES",
        ge=16 * 2**20,
        le=2**40,
    )
    stop_after_failures: int = setting(
        10,
        "Failed requests in a row after which the endpoint counts as down.",
        group="traffic",
        ge=1,
        le=10_000,
    )
    max_requests: int | None = setting(
        None,
        "Stop after this many requests to the endpoint under test, inconclusive; HTTP retries of one are not counted. "
        "Never exceeded, but for what a killed process (kill -9) had in flight.",
        group="budget",
        ge=1,
        le=1_000_000_000,
    )
    max_tokens: int | None = setting(
        None,
        "Stop after this many tokens of the endpoint under test, prompts and answers together; only what is in flight "
        "then comes on top.",
        group="budget",
        ge=1,
        le=1_000_000_000_000,
    )
    max_cost: float | None = setting(
        None,
        "Stop after this cost of the endpoint under test, in the currency of price-input and price-output; only what "
        "is in flight then comes on top.",
        group="budget",
        metavar="AMOUNT",
        gt=0,
        le=1_000_000_000,
    )
    max_minutes: float | None = setting(
        None,
        "Stop after this many minutes, those of earlier sessions included; what is in flight then is given up.",
        group="budget",
        metavar="MINUTES",
        gt=0,
        le=100_000,
    )
    price_input: float | None = setting(
        None, "Price of a million prompt tokens, in any currency.", group="budget", metavar="AMOUNT", ge=0, le=1_000_000
    )
    price_output: float | None = setting(
        None,
        "Price of a million answered tokens, in the same currency.",
        group="budget",
        metavar="AMOUNT",
        ge=0,
        le=1_000_000,
    )
    assumed_speed: float = setting(
        40.0,
        "Tokens a second of one answer that `kvv plan` reckons with, and the order in which benchmarks are started.",
        group="budget",
        metavar="TOKENS/S",
        gt=0,
        le=100_000,
    )
    containers: int | None = setting(
        None,
        "Containers at a time that a model works in. Default: two per processor of the engine, as far as its memory "
        "reaches.",
        group="containers",
        ge=1,
        le=1024,
    )
    container_cpus: float = setting(2.0, "Processors of a container.", group="containers", metavar="N", ge=0.1, le=1024)
    container_memory: float = setting(
        4.0, "GiB of memory of a container, without swap.", group="containers", metavar="GIB", ge=0.0625, le=16_384
    )
    container_pids: int = setting(512, "Processes and threads of a container.", group="containers", ge=16, le=1_000_000)
    container_disk: float = setting(
        5.0,
        "GiB that a container may write. A command that writes more is stopped.",
        group="containers",
        metavar="GIB",
        ge=0.0625,
        le=16_384,
    )
    container_pull: Literal["missing", "always", "never"] = setting(
        "missing",
        "When images are pulled, with the login of your docker configuration (DOCKER_CONFIG): those that the engine "
        "lacks, all of them once, or none.",
        group="containers",
    )
    container_mirror: Annotated[dict[str, str], BeforeValidator(_mirrors)] = setting(
        {},
        "Where images are pulled from instead: a PREFIX that stands for Docker Hub, or FROM=TO, one a line, as in "
        "docker.io/swebench=registry.example.com/mine.",
        group="containers",
        metavar="FROM=TO",
    )
    container_images: Literal["auto", "keep", "remove"] = setting(
        "auto",
        "What becomes of images that this run pulled, once nothing needs them: auto removes them when less than 8 GiB "
        "of the engine's disk are free. Others are never removed.",
        group="containers",
    )
    out: str = setting("kvv-out", "Folder for journal and reports.", group="output", metavar="DIR")
    fresh: Boolean = setting(False, "Move an earlier run in `out` aside instead of resuming it.", group="output")
    retry_failed: Boolean = setting(True, "When resuming, ask again what failed; the report counts it.", group="output")
    fail_on: Literal["fail", "inconclusive", "never"] = setting(
        "inconclusive",
        "Which verdict fails the action: fail, also inconclusive (default), or never.",
        group="output",
    )
    baseline: str = setting(
        "",
        "An earlier run to compare with: its folder (a downloaded artifact), report.json or evidence.tar.gz. A "
        "regression fails the gate; none there yet is a notice. Take it from the main branch, never from the pull "
        "request.",
        group="output",
        metavar="DIR|FILE",
    )
    baseline_tolerance: float | None = setting(
        None,
        "Points that every benchmark must be known not to have lost, else the comparison with baseline is unknown. "
        "Default: as few as the two runs can show, at most 20.",
        group="output",
        metavar="POINTS",
        gt=0,
        le=100,
    )

    bundle: Literal["off", "full", "redacted"] = setting(
        "off",
        "Pack the evidence into one archive in out: with all texts, or with digests and lengths in their place.",
        group="output",
    )
    command: Literal["run", "plan", "merge", "submit"] = setting(
        "run",
        "What the action does: run verifies, plan says into how many shards a run is best divided, merge makes one "
        "report of shards, submit proposes the run in out to the leaderboard.",
        group="workflow",
    )
    shards: str = setting(
        "kvv-shards", "For command: merge, the folder below which the shards lie.", group="workflow", metavar="DIR"
    )
    shard_minutes: int = setting(
        60, "For command: plan, minutes that a shard should take.", group="workflow", ge=1, le=10_000
    )
    max_shards: int = setting(
        16,
        "For command: plan, shards at most, beside the one of Pre-Verification; each has max-connections.",
        group="workflow",
        ge=1,
        le=250,
    )
    leaderboard_repo: Annotated[Word, AfterValidator(_repository)] = setting(
        "",
        "Repository that collects results: the result is proposed there as a pull request. Default: none.",
        group="leaderboard",
        metavar="OWNER/NAME",
    )
    leaderboard_token: Annotated[Secret, BeforeValidator(_key)] = setting(
        Secret(""),
        "Token that may open the pull request: of a GitHub App (contents, pull requests: write) or a classic one "
        "(public_repo). From a secret or KVV_LEADERBOARD_TOKEN, never from the command line.",
        group="leaderboard",
    )
    leaderboard_vendor: Annotated[Word, AfterValidator(_vendor_id)] = setting(
        "", "The vendor's id on the leaderboard. Default: made from vendor.", group="leaderboard", metavar="ID"
    )
    leaderboard_evidence_url: Annotated[Word, AfterValidator(_https)] = setting(
        "",
        "Address where everybody can fetch the evidence bundle; without one, nobody can recompute the scores.",
        group="leaderboard",
        metavar="URL",
    )
    leaderboard_attested: Boolean = setting(
        False,
        "Claim that a workflow attested the evidence; the leaderboard verifies it.",
        group="leaderboard",
    )
    leaderboard_allow_incomplete: Boolean = setting(
        False,
        "Submit also what is no whole run (inconclusive, interrupted, another tier than full, without a benchmark of "
        "the profile, of other samples) or a demonstration; marked as such.",
        group="leaderboard",
    )
    leaderboard_dry_run: Boolean = setting(
        False, "Print the requests to GitHub instead of sending them.", group="leaderboard"
    )
    leaderboard_api_url: Word = setting(
        "https://api.github.com",
        "Address of the API of the leaderboard's GitHub; https://HOST/api/v3 for an Enterprise Server.",
        group="leaderboard",
        metavar="URL",
    )


def field_name(option: str) -> str:
    """`max-connections` -> `max_connections`."""
    return option.replace("-", "_")


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The accepted words of a closed setting, empty for an open one."""
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def _allowed(field: FieldInfo, error: Mapping[str, Any]) -> str:
    """What a setting accepts, in a sentence."""
    words = choices(field)
    if words:
        return f"Use one of: {', '.join(words)}."
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "string_type":
        return "Write its values as texts, in quotation marks."
    whole = "a whole number" if "int" in str(field.annotation) else "a number"
    limits = {name: limit for item in field.metadata for name, limit in vars_of(item).items()}
    low = limits.get("ge", limits.get("gt"))
    if low is None:
        return str(error["msg"]) + "."
    above = "more than" if "gt" in limits else "at least"
    return f"Use {whole} of {above} {low} and at most {limits['le']}."


def vars_of(constraint: Any) -> dict[str, Any]:
    """Fields of an `annotated_types` constraint (`Ge(ge=1)` -> `{"ge": 1}`)."""
    return {name: getattr(constraint, name) for name in ("ge", "gt", "le", "lt") if hasattr(constraint, name)}


def hidden_headers(settings: Settings) -> dict[str, str]:
    """The headers whose values are secrets."""
    found: dict[str, str] = _headers(settings.secret_headers.get_secret_value())
    return found


def empty_secrets(settings: Settings) -> tuple[str, ...]:
    """The names of the inputs whose secret a run needs and does not have; headers are named one by one."""
    needed = {
        "api_key": True,
        "reference_api_key": bool(settings.reference_base_url),
        "judge_api_key": bool(settings.judge_base_url),
        "leaderboard_token": bool(settings.leaderboard_repo) and not settings.leaderboard_dry_run,
    }
    secrets: dict[str, Secret] = {name: settings.__dict__[name] for name, need in needed.items() if need}
    keys = [option_name(name) for name, secret in secrets.items() if not secret.get_secret_value()]
    groups = {"extra-headers": settings.extra_headers, "secret-headers": hidden_headers(settings)}
    headers = [f"{name} in {group}" for group, found in groups.items() for name, value in found.items() if not value]
    return (*keys, *headers)


def all_headers(settings: Settings) -> dict[str, str]:
    """What every request has beside kvv's own headers."""
    return {**settings.extra_headers, **hidden_headers(settings)}


_UNSHOWN = (*SECRETS, "extra_headers")
"""Settings whose values messages never show."""


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


_IN_QUERY = re.compile(r"(?<=[?&=#])[^?&=#]+(?=[&#]|$)")
"""What stands in the query or the fragment of a URL, without names."""


def _masked(found: re.Match[str]) -> str:
    return found[0] if is_placeholder(found[0]) else MASK


def _given(values: Mapping[str, Any], name: str, redactor: Redactor) -> str:
    """The value as messages show it: on at most 200 characters, without the key and without parts of a URL with one."""
    if name in _UNSHOWN:
        return ""
    text = redactor.text(_text(values, name))
    if name.endswith("_url"):
        text = _IN_QUERY.sub(_masked, re.sub(r"//[^/]*@", "//***@", text))
    return text if len(text) <= 200 else text[:199] + "…"


def _text(values: Mapping[str, Any], name: str) -> str:
    """The value as the user gave it, wherever it came from."""
    option = option_name(name)
    candidates: tuple[Callable[[], Any], ...] = (
        lambda: values.get(name),
        lambda: os.environ.get(f"INPUT_{option.upper()}"),
        lambda: os.environ.get(_variable(name)),
    )
    for candidate in candidates:
        value = candidate()
        if not _blank(value):
            return ", ".join(map(_written, value)) if isinstance(value, list) else _written(value).strip()
    return ""


def _written(value: Any) -> str:
    """A value as a file of settings has it."""
    return orjson.dumps(value, default=str).decode() if isinstance(value, dict) else str(value)


def _variable(name: str) -> str:
    return ENV_PREFIX + name.upper()


def is_given(values: Mapping[str, Any], name: str) -> bool:
    """Whether an option, an input or a variable gives a setting; `values` are the options by field name."""
    return bool(_text(values, name))


def variable_of(name: str) -> str:
    """The variable that gives a setting, as it is spelt; empty where an input gives it, or no variable does."""
    if os.environ.get(f"INPUT_{option_name(name).upper()}", "").strip():
        return ""
    return next((one for one, text in os.environ.items() if one.upper() == _variable(name) and text.strip()), "")


def load_as(model: type[Settings], values: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings.

    Args:
        model: which settings there are.
        values: what the command line gave, by field name; texts or lists of texts.

    Raises:
        UsageError: one `Problem` per wrong setting.
    """
    values = {name: value for name, value in (values or {}).items() if not _blank(value)}
    try:
        return model(**values)
    except ValidationError as invalid:
        problems, redactor = [], Redactor([_text(values, secret) for secret in SECRETS])
        for error in invalid.errors():
            name = str(error["loc"][0])
            field = model.model_fields[name]
            given = _given(values, name, redactor)
            words, quoted = choices(field), " Leave out the quotation marks." if _is_quoted(given) else ""
            problems.append(
                Problem(
                    name=option_name(name),
                    value=given,
                    allowed=redactor.text(_allowed(field, error)) + quoted,
                    nearest=nearest(given, words) if words else None,
                )
            )
        raise UsageError(problems) from None


def misspelt(model: type[Settings]) -> tuple[Problem, ...]:
    """`KVV_*` variables that are no setting but look like one."""
    known = {ENV_PREFIX + name.upper(): name for name in model.model_fields}
    unknown = [name for name in os.environ if name.startswith(ENV_PREFIX) and name not in known]
    return tuple(
        Problem(name=name, value="", allowed="This variable is not a setting and was ignored.", nearest=guess)
        for name in sorted(unknown)
        if name not in OTHER_VARIABLES and (guess := _meant(name, known))
    )


def unknown(model: type[Settings]) -> tuple[Problem, ...]:
    """Inputs that the step was given and that do not exist."""
    known = [option_name(name) for name in model.model_fields]
    given = [name.removeprefix("INPUT_").lower() for name, value in os.environ.items() if value.strip()
             and name.startswith("INPUT_")]  # fmt: skip
    return tuple(
        Problem(name=name, value="", allowed="There is no such input; it was ignored.", nearest=nearest(name, known))
        for name in sorted(given)
        if name not in (*known, *INPUTS_OF_GITHUB)
    )


def _meant(name: str, known: Iterable[str]) -> str | None:
    """The setting whose variable is written almost like this one: other programs have variables of their own."""
    from difflib import SequenceMatcher

    guess = nearest(name, known)
    if guess is None:
        return None
    same = SequenceMatcher(None, name, guess, autojunk=False).ratio() * (len(name) + len(guess)) / 2
    return guess if max(len(name), len(guess)) - same <= MOST_SLIPS else None


def vendor_name(settings: Settings) -> str:
    """The vendor as reports name it."""
    return settings.vendor or (urlsplit(settings.base_url).hostname or "embedded")


def out_directory(settings: Settings) -> Path:
    """Where journal and reports go."""
    return Path(settings.out)
