"""`kvv doctor`: first contact with an endpoint, and nothing else."""

import sys
from collections.abc import Iterator, Sequence

from entrypoint.contact import contact
from entrypoint.options import Parser, add_settings, given, tell_misspelt
from entrypoint.prepare import required, secrets_of
from entrypoint.settings import load
from kvv_action.ask.contact import Contact
from kvv_action.errors import UsageError
from kvv_action.redact import Redactor
from kvv_action.report.text import visible
from kvv_action.schema import CHAT, EndpointInfo
from kvv_action.settings import Settings, vendor_name

INCONCLUSIVE = 3
OPTIONS = (
    "base_url", "model", "vendor", "extra_body", "extra_headers", "user_agent", "stream", "connect_timeout",
    "first_token_timeout", "silence_timeout", "total_timeout", "max_response_bytes",
)  # fmt: skip
EPILOG = """examples:
  KVV_API_KEY=... kvv doctor --base-url https://api.example.com/v1 --model kimi-k2.6
  kvv doctor --base-url http://127.0.0.1:8000/v1 --model kimi-k2.6

Sends what `kvv run` sends first: GET models, and one plain chat request without sampling or thinking fields.
Exit status: 0 the endpoint answers, 2 something must be set differently, 3 it is down or overloaded."""


def main(argv: Sequence[str]) -> int:
    """Contact the endpoint and explain what came."""
    parser = Parser(prog="kvv doctor", description="Check that an endpoint answers.", epilog=EPILOG)
    add_settings(parser, only=OPTIONS)
    values = parser.read(argv)
    tell_misspelt()
    settings = load(given(values))
    if problems := list(required(settings)):
        raise UsageError(problems)
    asked = EndpointInfo(
        vendor=vendor_name(settings), base_url=settings.base_url, model=settings.model,
        think_mode=settings.think_mode, effort="", stream=settings.stream, extra_body=settings.extra_body,
    )  # fmt: skip
    redactor = Redactor(secrets_of(settings))
    _say(f"Asking {settings.base_url} for its list of models, and model {settings.model!r} to say hello.", redactor)
    found = contact(settings, asked, redactor, patience=settings.first_token_timeout)
    for line in _told(found, settings):
        _say(line, redactor)
    return INCONCLUSIVE if found.down or not found.answered else 0


def _told(found: Contact, settings: Settings) -> Iterator[str]:
    if found.listed is not None:
        names = (
            f": {', '.join(found.models)}{', …' if found.listed > len(found.models) else ''}" if found.models else ""
        )
        yield f"GET models: {found.listed} listed{names}."
    if found.answered:
        served = f" as {found.model!r}" if found.model not in ("", settings.model) else ""
        yield f"POST {CHAT}: answered{served} in {found.seconds:.1f} s: {found.answer!r}."
    for warning in found.warnings:
        yield f"Note: {warning}."
    if found.down:
        yield found.down
    elif found.answered:
        yield "The endpoint can be asked; `kvv run` verifies it."
    else:
        yield (
            "The plain request brought no answer, for the reason above. An overloaded endpoint needs time; one that "
            "refuses such a request, or fails at it, needs a change of its own: see its log."
        )


def _say(line: str, redactor: Redactor) -> None:
    sys.stdout.write(f"{visible(redactor.text(line), 3000)}\n")
