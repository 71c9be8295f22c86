"""Faults that turn a request away before it is looked at."""

from collections.abc import Callable

import orjson

from kvv_action.simulator.faults.model import Coin, Fault, Visit
from kvv_action.simulator.refusal import Refusal, bad_key, error_document
from kvv_action.simulator.wire import Reply, refused

SERVED = 20
"""Requests that are answered before an endpoint begins to refuse."""
_HTML = b"<!DOCTYPE html><html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


def _rate_limit(visit: Visit) -> Reply:
    return Reply(
        status=429,
        parts=(error_document("max RPM reached, please try again", "rate_limit_reached_error"),),
        headers={"Retry-After": str(visit.options.retry_after)},
    )


def _server_error(visit: Visit) -> Reply:
    if visit.draw("server-error-kind") < 0.5:
        return Reply(status=500, parts=(error_document("internal server error", "server_error"),))
    message = "the engine is currently overloaded, please try again later"
    return Reply(status=503, parts=(error_document(message, "engine_overloaded_error"),))


def _html(visit: Visit) -> Reply:
    status = 502 if visit.draw("html-error-status") < 0.5 else 200
    return Reply(status=status, parts=(_HTML,), content_type="text/html")


def _echo_key(visit: Visit) -> Reply:
    document = {
        "error": {
            "message": f"upstream refused Authorization: {visit.authorization}",
            "type": "server_error",
            "debug": {"authorization": visit.authorization},
        }
    }
    return Reply(status=500, parts=(orjson.dumps(document),), headers={"x-request-id": visit.authorization})


def _unauthorized(_: Visit) -> Reply:
    return refused(bad_key())


def _from_then_on(status: int, text: str) -> Callable[[Visit], Reply | None]:
    def admit(visit: Visit) -> Reply | None:
        if visit.number <= SERVED:
            return None
        return refused(Refusal(text, status=status))

    return admit


_BEGINS = {
    "begins-to-refuse-keys": (401, "the token has expired"),
    "begins-to-refuse-models": (404, "no deployment is called by this name"),
    "begins-to-refuse-requests": (400, "this endpoint was moved"),
}
FAULTS = (
    *(
        Fault(name, f"refuses everything with HTTP {status} after {SERVED} requests",
              f"the run ends, no answer is judged by it: the endpoint began to refuse ({text})",
              admit=_from_then_on(status, text))
        for name, (status, text) in _BEGINS.items()
    ),
    Fault("rate-limits", "answers 429 and asks to come back later",
          "retry within bounds; what stays limited is failed, never wrong", coin=Coin.OCCURRENCE, admit=_rate_limit),
    Fault("server-errors", "answers 500 or 503", "retry within bounds; what stays broken is failed, never wrong",
          coin=Coin.OCCURRENCE, admit=_server_error),
    Fault("html-error", "a proxy answers with a page, sometimes as 502, sometimes as 200",
          "a 502 is retried, a page with 200 is a bad response; neither is a wrong answer", coin=Coin.OCCURRENCE,
          admit=_html),
    Fault("error-echoes-key", "answers 500 and repeats the key in message and header",
          "a server error; the key appears nowhere in logs, journal or reports", coin=Coin.OCCURRENCE, admit=_echo_key),
    Fault("unauthorized", "answers 401 to a good key",
          "the run stops early; what was not sent is skipped with this reason", coin=Coin.OCCURRENCE,
          admit=_unauthorized),
)  # fmt: skip
