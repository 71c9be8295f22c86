"""Keeps answers in a file beside a result until the result is whole, so that an interrupted capture goes on."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from kvv_action.errors import KvvError, Problem, UsageError, refusal
from kvv_action.redact import Redactor
from kvv_action.schema import Completion, Exchange, Rejection

PART = ".part"
"""Ending of the file's name."""


def part_of(out: Path) -> Path:
    """The file of answers that belongs to a result."""
    return out.with_name(out.name + PART)


class KeptAnswers:
    """Answers in a file, written as they come. A capture that was killed may leave a torn last line, which is dropped.

    Attributes:
        salt: of prompts that must be new to a server; an earlier start's, where there was one.
    """

    def __init__(self, path: Path, identity: str, redactor: Redactor) -> None:
        self.salt = secrets.token_hex(8)
        self._path, self._identity, self._redactor = path, identity, redactor
        self._known: dict[str, Exchange] = {}

    def __enter__(self) -> "KeptAnswers":
        try:
            whole = self._read() if self._path.exists() else 0
            self._stream = self._path.open("r+b" if whole else "wb")
        except FileNotFoundError as error:
            raise KvvError(f"{self._path.parent}: no such folder; make it first, or name one that is there") from error
        except OSError as error:
            raise KvvError(f"{self._path}: cannot be used: {refusal(error)}") from error
        self._stream.truncate(whole)
        self._stream.seek(whole)
        if not whole:
            self._write({"capture": self._identity, "salt": self.salt})
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(OSError):  # what could not be written was told when it could not
            self._stream.close()
        if not self._known:
            self._path.unlink(missing_ok=True)

    @property
    def count(self) -> int:
        """Answers that an earlier start left."""
        return len(self._known)

    def _read(self) -> int:
        """Take the whole lines; returns their bytes."""
        whole = 0
        with self._path.open("rb") as stream:
            for number, line in enumerate(stream):
                content = _content(line)
                if content is None:
                    break
                if not number:
                    self._check(content)
                elif (found := _exchange(content)) is not None:
                    self._known[str(content["key"])] = found
                whole += len(line)
        return whole

    def _check(self, content: Mapping[str, Any]) -> None:
        if content.get("capture") != self._identity:
            problem = Problem(
                name="--out",
                value="",
                allowed=f"{self._path} belongs to another capture: remove it, or write to another file.",
            )
            raise UsageError([problem])
        self.salt = str(content.get("salt", self.salt))

    def _write(self, content: Mapping[str, Any]) -> None:
        try:
            self._stream.write(orjson.dumps(self._redactor.json(dict(content)), option=orjson.OPT_APPEND_NEWLINE))
            self._stream.flush()
        except OSError as error:
            raise KvvError(f"{self._path}: cannot be written: {refusal(error)}") from error

    def known(self, key: str) -> Exchange | None:
        """The answer to a request, where it is there."""
        return self._known.get(key)

    def keep(self, key: str, exchange: Exchange) -> Exchange:
        """Write an answer before it is used; as it is read later, without secrets."""
        content: dict[str, Any] = {"key": key}
        if exchange.completion is not None:
            content["answer"] = exchange.completion.content
        elif exchange.rejection is not None:
            content["refused"] = [exchange.rejection.status, exchange.rejection.message]
        self._write(content)
        self._known[key] = exchange
        return exchange

    def done(self) -> None:
        """The result is written: the answers are not needed any more."""
        self._stream.close()
        self._path.unlink()


def _content(line: bytes) -> Mapping[str, Any] | None:
    """What a whole line says; None for a torn one."""
    try:
        content = orjson.loads(line) if line.endswith(b"\n") else None
    except orjson.JSONDecodeError:
        return None
    return content if isinstance(content, dict) else None


def _exchange(content: Mapping[str, Any]) -> Exchange | None:
    """The answer of a line; None where it has none."""
    match content:
        case {"key": str(), "answer": str(text)}:
            return Exchange(call=0, completion=Completion(content=text))
        case {"key": str(), "refused": [int(status), str(message)]}:
            return Exchange(call=0, rejection=Rejection(status=status, message=message, body=""))
        case _:
            return None
