"""Observes a model at an endpoint, and writes or checks a profile by what it did."""

import asyncio
import datetime
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from entrypoint.profile_file import as_toml
from entrypoint.profile_guesses import OwnNames
from entrypoint.profile_observed import ObservedModel
from entrypoint.profile_replies import ScoutReply
from entrypoint.profile_scout import ProfileScout
from entrypoint.request_sender import client_of
from kvv_action.errors import EndpointError, RunStopped
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from kvv_action.redact import Redactor
from kvv_action.schema import Json
from kvv_action.settings import Settings

if TYPE_CHECKING:
    from kvv_action.endpoint.client import EndpointClient

USUAL = 120
"""Requests at most, where the user sets no budget."""


def most_requests(settings: Settings) -> int:
    """Requests that may be sent."""
    return settings.max_requests or USUAL


def observe(settings: Settings, redactor: Redactor, own: OwnNames, asked: Callable[[], None]) -> ObservedModel:
    """Ask the endpoint of the settings, at most `most_requests` times.

    Args:
        settings: which endpoint and model, and how many requests.
        redactor: knows the secrets.
        own: names that the model's files have.
        asked: is called after each request.

    Raises:
        EndpointError, RunStopped: it cannot be asked.
    """
    return asyncio.run(_observed(settings, redactor, own, asked))


async def _observed(settings: Settings, redactor: Redactor, own: OwnNames, asked: Callable[[], None]) -> ObservedModel:
    once = settings.model_copy(update={"retry_attempts": 1})
    async with client_of(settings, redactor) as client, client_of(once, redactor) as beside:

        async def post(path: str, body: Mapping[str, Json] | None) -> ScoutReply:
            content = None if body is None else orjson.dumps(body)
            try:
                if path.startswith("/"):
                    return await _beside(beside, settings.base_url, path, content)
                answer = await client.fetch(path, content)
            except EndpointError as error:
                if error.status is None:
                    raise
                return ScoutReply(status=error.status, words=error.body or error.message)
            finally:
                asked()
            return reply_of(200, answer.content)

        most = most_requests(settings)
        scout = ProfileScout(model=settings.model, post=post, most=most, extra=settings.extra_body, own=own)
        return await scout.look()


async def _beside(client: "EndpointClient", base_url: str, path: str, content: bytes | None) -> ScoutReply:
    """What stands beside the API, at the root of the server; most have nothing there, whatever they answer."""
    root = urlsplit(base_url).path.rstrip("/").removesuffix("/v1")
    try:
        return reply_of(200, (await client.fetch(f"{root}{path}", content)).content)
    except (EndpointError, RunStopped):
        return ScoutReply(status=404)


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
