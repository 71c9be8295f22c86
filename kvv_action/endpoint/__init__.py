"""The client of one endpoint: sends, reassembles, retries, paces, and stops a useless run."""

from kvv_action.endpoint.client import EndpointClient
from kvv_action.endpoint.options import ClientOptions

__all__ = ["ClientOptions", "EndpointClient"]
