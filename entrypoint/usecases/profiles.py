"""Observes a model at an endpoint, and writes or checks a profile by what it did."""

import asyncio
import datetime
import tempfile
from collections.abc import Mapping
from pathlib import Path

import orjson

from entrypoint.profile_file import as_toml
from entrypoint.profile_scout import ObservedModel, ProfileScout, ScoutReply
from entrypoint.request_sender import client_of
from kvv_action.errors import EndpointError
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from kvv_action.redact import Redactor
from kvv_action.schema import Json
from kvv_action.settings import Settings

USUAL = 120
"""Requests at most, where the user sets no budget."""


def most_requests(settings: Settings) -> int:
    """Requests that may be sent."""
    return settings.max_requests or USUAL


def observe(settings: Settings, redactor: Redactor) -> ObservedModel:
    """Ask the endpoint of the settings, at most `most_requests` times.

    Raises:
        EndpointError, RunStopped: it cannot be asked.
    """
    return asyncio.run(_observed(settings, redactor))


async def _observed(settings: Settings, redactor: Redactor) -> ObservedModel:
    async with client_of(settings, redactor) as client:

        async def post(path: str, body: Mapping[str, Json] | None) -> ScoutReply:
            content = None if body is None else orjson.dumps(body)
            try:
                answer = await client.fetch(path, content)
            except EndpointError as error:
                if error.status is None:
                    raise
                return ScoutReply(status=error.status, words=error.body or error.message)
            return reply_of(200, answer.content)

        scout = ProfileScout(model=settings.model, post=post, most=most_requests(settings), extra=settings.extra_body)
        return await scout.look()


def reply_of(status: int, content: str) -> ScoutReply:
    """A reply from its body; what is no JSON object has no document."""
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        document = None
    found = document if isinstance(document, dict) else {}
    return ScoutReply(status=status, document=found if status < 300 else {}, words="" if status < 300 else content)


def written(observed: ObservedModel, settings: Settings, redactor: Redactor) -> str:
    """The profile's text, without secrets."""
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    return redactor.text(as_toml(observed, model=settings.model, url=settings.base_url, day=day))


def parsed(text: str) -> Profile:
    """The profile that such a text holds; it must be well-formed.

    Raises:
        UsageError: it contradicts itself.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "observed.toml"
        path.write_text(text)
        return loader.load(str(path))
