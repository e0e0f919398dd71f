"""The worker of gunicorn that `manage.py serve` uses: a request takes a thread only when it has come.

gunicorn's own gives each connection a thread, which then waits for what the client has not sent yet: 260 clients that
send half a request stop the site. Here the one thread that waits for all connections receives heads and short bodies.
A long body is read on threads that are there for those alone, as fast as it has to come, and the question whether the
site is well has threads of its own.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from chatsite.serving.incoming import Came, Incoming

HEALTH_THREADS = 2
LONG_BODIES = 4  # one thread in so many is one more, for long bodies
HALF_SENT_MOST = 500  # connections that have not sent a whole request; of more, the one that began first is closed
RECEIVE_SECONDS = 20.0  # for a head and a short body
SILENT_SECONDS = 10.0  # between two parts of a long body
LONG_BODY_SECONDS = 30.0  # for the beginning of a long body; after that it has to come with
BYTES_PER_SECOND = 16 * 1024
LINGER_SECONDS = 2.0  # for what is on its way when a connection, or the worker, ends
LINGERING_MOST = 200
LINGER_BYTES = 1024**2  # that are still read of a client which does not stop sending; then it has to wait
_PART = 64 * 1024


class LongBody:
    """The socket as the parser reads the rest of a body from it: what comes too slowly, or not to its end, is an error
    and no shorter body."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._until = time.monotonic() + LONG_BODY_SECONDS

    def recv(self, size: int) -> bytes:
        """Raises TimeoutError, and ConnectionResetError at its end: the parser asks only for bytes that are missing."""
        seconds = min(SILENT_SECONDS, self._until - time.monotonic())
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        if seconds <= 0 or not poll.poll(seconds * 1_000):
            raise TimeoutError(errno.ETIMEDOUT, "The body comes too slowly.")
        part = self._connection.recv(size)
        if not part:
            raise ConnectionResetError(errno.ECONNRESET, "The body has no end.")
        self._until += len(part) / BYTES_PER_SECOND
        return part


class Connection(TConn):  # type: ignore[misc]  # gunicorn ships no types
    """A connection, what has come of its next request, and until when the rest may come."""

    def __init__(self, worker: ReceivingWorker, client: socket.socket, address: Any, listener: socket.socket) -> None:
        super().__init__(worker.cfg, client, address, listener.getsockname())
        self._worker = worker
        self.incoming = Incoming()
        self.until = 0.0
        self.has_long_body = False
        self.drained = 0  # bytes, since its end began

    def receive(self) -> None:
        """Begin to receive a request; what came behind the last one is its beginning."""
        self.incoming = Incoming(self.parser.unreader.take_buffered() if self.parser else b"")
        self.until = time.monotonic() + RECEIVE_SECONDS
        self.sock.setblocking(False)

    def hand_over(self, *, has_long_body: bool) -> None:
        """Let the parser read what has come, and the rest of a long body from the socket."""
        self.has_long_body = has_long_body
        self.init()
        self.parser.unreader.sock = LongBody(self.sock)
        self.parser.unreader.unread(bytes(self.incoming.received))

    def close(self, graceful: bool = False) -> None:
        """Close it; gracefully without waiting for the client, as gunicorn's own would, in the thread of all."""
        if not graceful:
            super().close()
            return
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            super().close()
        else:
            self._worker.linger(self)


class ReceivingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Every way to a thread leads through `enqueue_req`: of a new connection, of one that is kept alive, and of one
    whose next request came with the last one."""

    def init_process(self) -> None:
        self._half_sent: dict[Connection, None] = {}  # in the order in which they began
        self._lingering: dict[Connection, None] = {}
        self._health = ThreadPoolExecutor(HEALTH_THREADS, thread_name_prefix="health")
        self._long = ThreadPoolExecutor(max(2, self.cfg.threads // LONG_BODIES), thread_name_prefix="long-body")
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        self.enqueue_req(Connection(self, client, address, listener))

    def enqueue_req(self, conn: Connection) -> None:
        """Receive a request, and give it to a thread when it has come."""
        conn.receive()
        self._half_sent[conn] = None
        self.poller.register(conn.sock, EVENT_READ, partial(self._receive, conn))
        if conn.incoming.received:
            self._go_on(conn)
        if len(self._half_sent) > HALF_SENT_MOST:
            self._give_up(next(iter(self._half_sent)))

    def _receive(self, conn: Connection, _socket: socket.socket) -> None:
        if part := _part_of(conn):
            conn.incoming.add(part)
            self._go_on(conn)
        elif part is not None:
            self._give_up(conn)

    def _go_on(self, conn: Connection) -> None:
        """Hand the request on if enough of it has come."""
        came = conn.incoming.judge()
        if came is Came.PART:
            return
        if came is Came.TOO_MUCH:
            util.write_error(conn.sock, 431, "Request Header Fields Too Large", "")
            self._give_up(conn)
            return
        del self._half_sent[conn]
        self.poller.unregister(conn.sock)
        conn.hand_over(has_long_body=came is Came.HEAD)
        threads = self._long if conn.has_long_body else self._health if conn.incoming.is_health else self.tpool
        done = threads.submit(self.handle, conn)
        done.add_done_callback(lambda future: self.method_queue.defer(self.finish_request, conn, future))

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """A long body may have been refused: nobody waits for the rest of it."""
        return not conn.has_long_body and super()._keepalive_after(conn, keepalive)

    def _give_up(self, conn: Connection) -> None:
        del self._half_sent[conn]
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def linger(self, conn: Connection) -> None:
        """Close the connection when its client has, or soon: closed at once, a client that still sends might never read
        its answer."""
        conn.until = time.monotonic() + LINGER_SECONDS
        conn.sock.setblocking(False)
        self._lingering[conn] = None
        self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
        if len(self._lingering) > LINGERING_MOST:
            self._end(next(iter(self._lingering)))

    def _drain(self, conn: Connection, _socket: socket.socket) -> None:
        part = _part_of(conn)
        conn.drained += len(part or b"")
        if part == b"":
            self._end(conn)
        elif conn.drained > LINGER_BYTES:  # closed now, it might be reset before its answer was read
            self.poller.unregister(conn.sock)

    def _end(self, conn: Connection) -> None:
        del self._lingering[conn]
        if conn.drained <= LINGER_BYTES:
            self.poller.unregister(conn.sock)
        conn.close()

    def murder_pending(self) -> None:
        """Close the connections whose request, or whose end, has not come in time. gunicorn calls it every second."""
        super().murder_pending()
        now = time.monotonic()
        ahead = 0 if self.alive else RECEIVE_SECONDS - LINGER_SECONDS
        for connections, close in ((self._half_sent, self._give_up), (self._lingering, self._end)):
            for conn in [conn for conn in connections if conn.until - ahead <= now]:
                close(conn)

    def handle_quit(self, number: int, frame: Any) -> None:
        for threads in (self._health, self._long):
            threads.shutdown(wait=False)
        super().handle_quit(number, frame)


def _part_of(conn: Connection) -> bytes | None:
    """Return what has come, empty at the end; None when nothing has."""
    try:
        return bytes(conn.sock.recv(_PART))
    except BlockingIOError:
        return None
    except OSError:
        return b""
