"""The configurations of proxies that are shipped, with the real proxies in front of the real site."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.servers import ROOT, free_port, site

pytestmark = pytest.mark.hosts  # the first one waits for a first start

DEPLOY = ROOT / "examples" / "deploy"
QUESTION = {"query": "Which variable points the site at a Qdrant server?", "stream": True}


def nginx(folder: Path, *, port: int, site_port: int) -> list[str]:
    """Write the configuration for these ports, and return the command."""
    shipped = (DEPLOY / "nginx.conf").read_text()
    changed = shipped.replace("listen 443 ssl http2", f"listen 127.0.0.1:{port} ssl").replace(
        "listen 80", f"listen 127.0.0.1:{free_port()}"
    )
    changed = changed.replace("docs.example.org;", "localhost;").replace("127.0.0.1:8000", f"127.0.0.1:{site_port}")
    changed = re.sub(r"/etc/ssl/\S+/(\w+\.pem)", rf"{folder}/\1", changed)
    whole = (
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr; events {{}}\nhttp {{ access_log off;\n"
    )
    whole += "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(f"{whole}{changed}}}")
    return ["nginx", "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, *, port: int, site_port: int) -> list[str]:
    changed = (DEPLOY / "Caddyfile").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{site_port}")
    changed = changed.replace("{\n\tservers", "{\n\tadmin off\n\tauto_https off\n\tservers", 1)
    address = f"https://localhost:{port} {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem"
    (folder / "Caddyfile").write_text(changed.replace("\ndocs.example.org {", f"\n{address}"))
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@contextmanager
def proxy(name: str, folder: Path, *, site_port: int) -> Iterator[str]:
    """Run the proxy of this name until the block ends; skip the test where it is not installed."""
    if not shutil.which(name) or not shutil.which("openssl"):
        pytest.skip(f"{name} and openssl are not both installed")
    key, certificate, port = folder / "privkey.pem", folder / "fullchain.pem", free_port()
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    command = {"nginx": nginx, "caddy": caddy}[name](folder, port=port, site_port=site_port)
    if name == "nginx":
        subprocess.run([*command, "-t"], check=True, capture_output=True)
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until and process.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=60).close()
                    break
                except OSError:
                    time.sleep(0.05)
            assert process.poll() is None, (folder / "log").read_text()
            yield f"https://localhost:{port}"
        finally:
            process.terminate()


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_site_behind_the_proxy_as_shipped(seeded: Path, tmp_path: Path, name: str) -> None:
    variables = {
        "HTTPS": "on",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "RUNS_PER_ADDRESS": "1",
        "SECURE_SSL_REDIRECT": "off",
    }
    with ChatServer() as model:
        model.script(chat_server.text(*["word "] * 20, delay=0.3))
        with (
            site("serve", data_dir=seeded, OPENAI_BASE_URL=model.url, **variables) as running,
            proxy(name, tmp_path, site_port=int(running.url.rpartition(":")[2])) as url,
            httpx.Client(base_url=url, verify=False, timeout=60) as client,
        ):
            page = client.get("/")
            assert (page.status_code, "Secure" in page.headers["Set-Cookie"]) == (200, True)
            spoofed = {"X-Forwarded-For": "192.0.2.1"}  # which the proxy does not pass on as the nearest
            with client.stream("POST", "/api/v1/chat/query", json=QUESTION, headers=spoofed) as answer:
                came = b""
                for part in answer.iter_raw():
                    came += part
                    if b"event: text" in came:
                        break
                assert b"event: done" not in came
                refused = httpx.post(f"{url}/api/v1/chat/query", json=QUESTION, verify=False, timeout=60)
                assert (refused.status_code, refused.json()["error"]) == (429, "too_many_questions")
            too_long = client.post("/ask/", content=bytes(60 * 1024**2))
            assert too_long.status_code == 413
