"""A web server on the loopback whose every answer is scripted, down to single bytes."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType

Body = bytes | Iterable[bytes]


class WebServer:
    """Answers `pages[path]`, which gets the request's headers (lower case) and gives the raw bytes of an answer."""

    def __init__(self) -> None:
        self.pages: dict[str, Callable[[dict[str, str]], Body]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        web = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                path = self.rfile.readline().decode().split(" ")[1:2]
                lines = iter(lambda: self.rfile.readline().decode("latin-1").strip(), "")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                if not path:
                    return
                web.requests.append((path[0], headers))
                page = web.pages.get(path[0].partition("?")[0], lambda _: answer(b"", status="404 Not Found"))
                body = page(headers)
                try:
                    for part in [body] if isinstance(body, bytes) else body:
                        self.wfile.write(part)
                        self.wfile.flush()
                except OSError:
                    pass  # the client has had enough

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"

    def __enter__(self) -> WebServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def put(self, path: str, content: bytes, *, status: str = "200 OK", **headers: str) -> None:
        """The same answer every time; headers with underscores for hyphens."""
        self.pages[path] = lambda _: answer(content, status=status, **headers)


def answer(content: bytes, *, status: str = "200 OK", **headers: str) -> bytes:
    told = {"Content-Length": str(len(content)), "Connection": "close"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items() if value)
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + content


def dripping(first: bytes, part: bytes, *, seconds: float) -> Iterable[bytes]:
    """`first`, then `part` again and again, as slowly as told, for ever."""
    yield first
    while True:
        time.sleep(seconds)
        yield part
