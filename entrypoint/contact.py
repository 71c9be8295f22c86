"""First contact with the endpoints that a run asks, before its session is written."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from entrypoint.client import client_options, headers_of, key_of, prefix_of
from entrypoint.prepare import PreparedRun, asks_a_model, is_sensitive
from entrypoint.spending import budget_of
from kvv_action.ask.contact import Contact, Dial, PlainRequest, first_contact
from kvv_action.ask.mistakes import Approach
from kvv_action.benchmark import Observer
from kvv_action.errors import UsageError
from kvv_action.journal.state import JournalState
from kvv_action.redact import Redactor
from kvv_action.schema import JUDGE, REFERENCE, EndpointInfo, Json
from kvv_action.settings import Settings, hidden_headers

if TYPE_CHECKING:
    from kvv_action.endpoint.client import EndpointClient

LARGEST = 4 * 2**20
"""Bytes of a response at first contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstContacts:
    """What a session learnt before it began.

    Attributes:
        started: when it began, seconds since the epoch.
        endpoint: None when nothing was sent.
        others: by role, the live reference and the judge, where the run has them.
    """

    started: float
    endpoint: Contact | None = None
    others: Mapping[str, Contact] = field(default_factory=dict)

    @property
    def _all(self) -> Mapping[str, Contact]:
        """By the name of their field in the `session` line."""
        mine = {"contact": self.endpoint} if self.endpoint is not None else {}
        return {**mine, **{f"{role}_contact": found for role, found in self.others.items()}}

    @property
    def down(self) -> str:
        """Why nothing can be asked now; empty when it can."""
        return next((found.down for found in self._all.values() if found.down), "")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd and condemns nothing."""
        return tuple(warning for found in self._all.values() for warning in found.warnings)

    def fields(self) -> Mapping[str, Json]:
        """What the `session` line says of them."""
        return {name: found.line() for name, found in self._all.items()}


def contact_endpoints(prepared: PreparedRun, found: JournalState, journal: Path, observer: Observer) -> FirstContacts:
    """Contact the endpoint, the live reference and the judge, when something is left to ask them.

    Raises:
        UsageError: the user must change something first. An empty journal is removed.
    """
    plan, settings, started = prepared.plan, prepared.settings, time.time()
    if plan.demonstration or not asks_a_model(settings) or not _left(prepared, found):
        return FirstContacts(started=started)
    budget = budget_of(settings, journal, found)
    if not budget.left():
        return FirstContacts(started=started)
    most = None if budget.limits.requests is None else budget.limits.requests - budget.requests
    try:
        endpoint = contact(settings, plan.endpoint, prepared.redactor, most=most)
        contacts = FirstContacts(started=started, endpoint=endpoint)
        for role, asked in ((REFERENCE, plan.reference), (JUDGE, plan.judge)):
            if asked is not None and not contacts.down:
                found_there = contact(settings, asked, prepared.redactor, role=role)
                contacts = replace(contacts, others={**contacts.others, role: found_there})
    except UsageError:
        if not journal.stat().st_size:
            journal.unlink()
        raise
    for warning in contacts.warnings:
        observer.state(f"first contact: {warning}")
    return contacts


def contact(
    settings: Settings,
    asked: EndpointInfo,
    redactor: Redactor,
    *,
    role: str = "",
    most: int | None = None,
    patience: float | None = None,
) -> Contact:
    """First contact with the endpoint under test, or with one that has another role (`Request.endpoint`).

    Without `patience` (seconds) it takes about one connect timeout at most.

    Raises:
        UsageError: the user must change something first.
    """
    from kvv_action.endpoint.transport import proxy_in_use
    from kvv_action.sandbox.own_image import IN_CONTAINER

    key = key_of(settings, role)
    headers = headers_of(settings, role)
    proxy, proxy_address = proxy_in_use(asked.base_url)
    approach = Approach(
        base_url=asked.base_url, model=asked.model, proxy=proxy, proxy_address=proxy_address,
        key=bool(key) or any(map(is_sensitive, headers)) or bool(not role and hidden_headers(settings)),
        prefix=prefix_of(role), contained=IN_CONTAINER.exists(),
    )  # fmt: skip
    plain = PlainRequest.of(asked.model, asked.extra_body, stream=asked.stream)
    dial: Dial = partial(_client, settings, role, redactor)
    connect = settings.connect_timeout
    found = first_contact(dial, approach, plain, connect=connect, patience=patience or connect, most=most)
    return asyncio.run(found)


def _client(settings: Settings, role: str, redactor: Redactor, base_url: str, other_key: str) -> "EndpointClient":
    """A client that tries once."""
    from kvv_action.endpoint.client import EndpointClient

    options = client_options(settings, base_url, redactor, role=role, key=other_key)
    once = replace(
        options, retry_attempts=1, max_connections=1, stop_after_failures=0,
        total_timeout=min(settings.total_timeout, settings.first_token_timeout),
        max_response_bytes=min(LARGEST, settings.max_response_bytes),
    )  # fmt: skip
    return EndpointClient(once)


def _left(prepared: PreparedRun, found: JournalState) -> bool:
    """Whether an answer is missing that this session would ask for."""
    retry = prepared.settings.retry_failed
    for loaded in prepared.loaded:
        board = found.progress[loaded.planned.id]
        stands = sum(
            1 for last, failed in zip(board.last, board.failed, strict=True) if last and not (failed and retry)
        )
        if not loaded.planned.skip and stands < loaded.count * loaded.planned.epochs:
            return True
    return False
