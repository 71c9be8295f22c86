"""Refusals, with the words of the official API."""

import orjson


class Refusal(Exception):
    """Raised for a request that the vendor does not serve."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind


def error_document(message: str, kind: str) -> bytes:
    """The JSON body of an error."""
    return orjson.dumps({"error": {"message": message, "type": kind}})


def unknown_model(model: object) -> Refusal:
    """The refusal of a model that is not served."""
    return Refusal(f"Not found the model {model} or Permission denied", status=404, kind="resource_not_found_error")


def bad_key() -> Refusal:
    """The refusal of a key."""
    return Refusal("Invalid Authentication", status=401, kind="invalid_authentication_error")


def no_such_route(method: str, path: str) -> Refusal:
    """The refusal of an address."""
    return Refusal(f"no such route: {method} {path}", status=404, kind="resource_not_found_error")
