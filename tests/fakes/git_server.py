"""A git repository on the loopback, served by git's own CGI program, with smart HTTP as the large hosts speak it."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
from pathlib import Path
from types import TracebackType

_BACKEND = Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip())


class GitServer:
    """Serves the repository `guide.git`, to whose main branch `commit` adds. `authorization`: the header that it asks
    for, if any."""

    def __init__(self, folder: Path) -> None:
        self.root, self.work = folder / "served", folder / "work"
        self.authorization = ""
        self.requests: list[str] = []
        bare = self.root / "guide.git"
        bare.mkdir(parents=True)
        self._git("init", "-q", "--bare", "-b", "main", str(bare))
        self._git("clone", "-q", str(bare), str(self.work))
        self._git("checkout", "-q", "-B", "main", cwd=self.work)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server._answer(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}/guide.git"

    def __enter__(self) -> GitServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def commit(self, files: dict[str, str | bytes | None], *, branch: str = "main") -> None:
        """Write the files, delete those that are None, and push."""
        self._git("checkout", "-q", "-B", branch, cwd=self.work)
        for name, content in files.items():
            path = self.work / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self._git("add", "-A", cwd=self.work)
        self._git("commit", "-q", "-m", "Change", cwd=self.work)
        self._git("push", "-q", "origin", branch, cwd=self.work)

    def _git(self, *arguments: str, cwd: Path | None = None) -> None:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
        subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True)

    def _answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path, _mark, query = request.path.partition("?")
        self.requests.append(f"{request.command} {path}")
        if self.authorization and request.headers.get("Authorization") != self.authorization:
            request.send_error(401)
            return
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": request.command,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        command = [str(_BACKEND / "git-http-backend")]
        done = subprocess.run(command, input=body, env=variables, capture_output=True, check=True).stdout
        head, _blank, content = done.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        request.send_response(status)
        for name, value in headers:
            if name != "Status":
                request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content)
