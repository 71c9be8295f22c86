"""One command in a container, over the raw connection that the engine hands over.

The SDK's own `exec_run` has no deadline, holds all output in memory, and hangs on children that keep a stream open.
"""

import contextlib
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kvv_action.sandbox.output import Frames, HeadTail

if TYPE_CHECKING:
    from docker import APIClient

BLOCK = 256 * 1024
QUIET, LOOK = 0.1, 1.0
"""Seconds of silence before it is first asked whether the command ended, and at most between two such questions."""
DRAIN = 0.2
"""Seconds in which the last output of a command that ended must come; its children may print for ever."""
FREELY, PACE = 64 * 2**20, 64 * 2**20
"""Bytes that are read as fast as they come, and bytes a second after that: a flood is made to wait."""
WRAPPER = 'exec 2>&1; { echo 500 > /proc/self/oom_score_adj; } 2>/dev/null; cd -- "$1" || cd /; shift; exec bash "$@"'
"""Both streams go through one pipe, because two pipes lose the order. Where memory runs out, the kernel takes commands
before the container's main process. A folder that a command has removed is no reason not to run the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be run.

    Attributes:
        container: its id.
        arguments: of bash.
        workdir: where; the root when that folder is gone.
        environment: further variables.
        deadline: seconds from now.
    """

    container: str
    arguments: Sequence[str]
    workdir: str
    environment: Mapping[str, str]
    deadline: float


class Running:
    """A command; while one thread is in `wait`, others may look at its output or let go of it.

    Args:
        client: the engine.
        order: what to run.
        limit: bytes of output that are kept.

    Attributes:
        output: what it printed so far.
        began: False when it ended without ever having been a process; then `output` is the engine's reason.
    """

    def __init__(self, client: "APIClient", order: Order, limit: int) -> None:
        self.output = HeadTail(limit)
        self.began = False
        self._client = client
        self._order = order
        self._frames = Frames(self.output)
        self._until = 0.0
        self._exec = ""
        self._response: Any = None
        self._socket: socket.socket | None = None
        self._gone = False

    def start(self) -> None:
        """Start it; its time counts from the end of this.

        Raises:
            Exception: of the SDK or its transport.
        """
        order = self._order
        made = self._client.exec_create(
            order.container,
            ["bash", "-c", WRAPPER, "bash", order.workdir, *order.arguments],
            environment=dict(order.environment),
        )
        self._exec = made["Id"]
        handle: Any = self._client.exec_start(self._exec, socket=True)
        self._response = handle._response  # noqa: SLF001 - the SDK keeps it there, for the same purpose
        self._socket, early = _taken_over(self._response)
        self._until = time.monotonic() + order.deadline
        self._frames.feed(early)

    def wait(self) -> int | None:
        """Read until it ends.

        Returns:
            The exit code, None when the deadline came first; then it still runs.

        Raises:
            Exception: of the SDK or its transport.
        """
        assert self._socket is not None, "not started"
        try:
            return self._read(self._socket)
        finally:
            self._response.close()

    def let_go(self) -> None:
        """Make `wait` return soon, whatever the command does."""
        self._gone, self._until = True, 0.0
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self, connection: socket.socket) -> int | None:
        pause, look, began = QUIET, time.monotonic() + LOOK, time.monotonic()
        while (left := self._until - time.monotonic()) > 0:
            connection.settimeout(min(left, pause))
            try:
                block = connection.recv(BLOCK)
            except TimeoutError:
                pause, look = min(2 * pause, LOOK), 0.0
            else:
                if not block:
                    return self._ended()
                self._frames.feed(block)
                pause = QUIET
                self._slow_down(began)
            if time.monotonic() >= look:
                look = time.monotonic() + LOOK
                if (code := self._exit_code()) is not None:
                    self._drain(connection)
                    return code
        return None

    def _slow_down(self, began: float) -> None:
        """Keep a flood from taking a whole processor, here and in the engine."""
        ahead = (self.output.total - FREELY) / PACE - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(min(ahead, max(0.0, self._until - time.monotonic())))

    def _drain(self, connection: socket.socket) -> None:
        until = time.monotonic() + DRAIN
        with contextlib.suppress(TimeoutError):
            while (left := until - time.monotonic()) > 0:
                connection.settimeout(left)
                block = connection.recv(BLOCK)
                if not block:
                    return
                self._frames.feed(block)

    def _ended(self) -> int | None:
        """The exit code once the streams are closed, which a command may do long before it ends."""
        pause = 0.005
        while not self._gone:
            if (code := self._exit_code()) is not None:
                return code
            if self._until <= time.monotonic():
                return None
            time.sleep(min(pause, max(0.0, self._until - time.monotonic())))
            pause = min(2 * pause, LOOK)
        return None

    def _exit_code(self) -> int | None:
        """None while it runs."""
        told = self._client.exec_inspect(self._exec)
        self.began = bool(told["Pid"])
        return None if told["Running"] else told["ExitCode"]


def _taken_over(response: Any) -> tuple[socket.socket, bytes]:
    """The connection behind a response, and what was read from it already.

    The SDK leaves out the second: output that comes together with the response's head waits in a buffer.
    """
    buffered = response.raw._fp.fp  # noqa: SLF001 - the SDK takes the connection from the same place
    connection: socket.socket = buffered.raw._sock  # noqa: SLF001
    connection.setblocking(False)
    early = b""
    with contextlib.suppress(OSError):  # TLS has nothing to read yet
        early = buffered.peek() or b""
    return connection, early
