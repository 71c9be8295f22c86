"""Makes requests by the settings and the profile, and posts them, without a plan or a journal."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from entrypoint.client import client_options
from kvv_action.fingerprint.discovery import PinnedSampling
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from kvv_action.profiles.thinking import think_body, thinks
from kvv_action.redact import Redactor
from kvv_action.schema import Completion, Request, Thinking
from kvv_action.settings import Settings

if TYPE_CHECKING:
    from kvv_action.endpoint.client import EndpointClient

Post = Callable[[str, bytes], Awaitable[Completion]]
"""Posts a body to a path below the base URL; the answer is verbatim."""


def client_of(settings: Settings, redactor: Redactor) -> "EndpointClient":
    """A client of the endpoint that the settings name."""
    from kvv_action.endpoint.client import EndpointClient

    return EndpointClient(client_options(settings, settings.base_url, redactor))


def profile_of(settings: Settings) -> Profile | None:
    """The profile that is named, or has the model's name; a capture needs none."""
    if settings.profile or settings.model in loader.names():
        return loader.load(settings.profile or settings.model)
    return None


def pinned_sampling(profile: Profile | None, thinking: Thinking) -> PinnedSampling:
    """What a profile pins for requests that say this about thinking."""
    if profile is None:
        return PinnedSampling()
    on = thinks(profile.thinking, _switch(thinking))
    values = {one.name: one.only(thinking=on) for one in profile.parameters}
    return PinnedSampling(temperature=_float(values.get("temperature")), top_p=_float(values.get("top_p")))


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _switch(thinking: Thinking) -> bool | None:
    return {Thinking.ON: True, Thinking.OFF: False}.get(thinking)


class RequestSender:
    """Makes the body of a request and posts it; the body of the answer comes back as it is."""

    def __init__(self, settings: Settings, profile: Profile | None, post: Post) -> None:
        self._settings, self.profile, self._post = settings, profile, post

    def body(self, request: Request) -> bytes:
        """Later wins: thinking, the user's extra body, the request's own fields."""
        settings, chat = self._settings, not request.body.get("prompt")
        body: dict[str, Any] = {"model": settings.model}
        if chat:
            body["messages"] = request.messages
            if self.profile is not None:
                on = _switch(request.thinking)
                body |= think_body(self.profile.thinking, settings.think_mode, on, settings.effort)
        for name, value in settings.extra_body.items():
            old = body.get(name)
            body[name] = {**old, **value} if isinstance(old, Mapping) and isinstance(value, Mapping) else value
        return orjson.dumps({**body, **request.body, "stream": False})

    async def __call__(self, path: str, body: bytes) -> Completion:
        """Post a body, and hand the answer over verbatim."""
        return await self._post(path, body)
