"""Reads and writes files of next-token probabilities: references and captures."""

from pathlib import Path

from entrypoint.outputs import write_files
from kvv_action.errors import KvvError, refusal
from kvv_action.fingerprint.reference import Reference
from kvv_action.fingerprint.reference_file import LARGEST, as_bytes, parse
from kvv_action.redact import Redactor


def read_reference(name: str) -> Reference:
    """A reference or a capture from a file.

    Raises:
        KvvError: it cannot be read, or is no whole reference.
    """
    path = Path(name)
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise KvvError(f"{name}: cannot be read: {refusal(error)}") from error
    return parse(data, name)


def write_reference(out: Path, reference: Reference, redactor: Redactor) -> int:
    """Write a reference; returns its bytes.

    Raises:
        KvvError: it cannot be written.
    """
    data = as_bytes(reference)
    write_files(out.parent, {out.name: data}, redactor)
    return len(data)
