"""Which authorities of certificates are trusted: the usual ones, or those that the environment names."""

import os
import ssl
from functools import cache

import httpx

from kvv_action.errors import Problem, UsageError, refusal

FILE, FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"
NONE_FOUND = "NO_CERTIFICATE_OR_CRL_FOUND"
"""OpenSSL's word for a file without certificates; where one is damaged, it has none."""


def trusted() -> ssl.SSLContext:
    """A context that trusts the authorities of this process.

    Raises:
        UsageError: `SSL_CERT_FILE` names no file of certificates.
    """
    return _trusting(os.environ.get(FILE), os.environ.get(FOLDER))


@cache
def _trusting(file: str | None, _folder: str | None) -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        told = f"It must be a readable file of certificates in PEM format ({_why(error)})."
        raise UsageError([Problem(name=FILE, value=file or "", allowed=told)]) from None


def _why(error: OSError) -> str:
    if not isinstance(error, ssl.SSLError):
        return refusal(error)
    return "there is no certificate in it" if error.reason == NONE_FOUND else "a certificate in it is damaged"
