"""Uploads that say at once that they are too long: refused from their headers, on a real server of either kind."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings

from tests.servers import Site, manage, migrate, site

pytestmark = pytest.mark.hosts

TOO_LONG = settings.UPLOAD_MAX_BYTES + 1024**2
ATTACHMENTS, ADD, CHANGE = (
    "/api/v1/chat/attachments",
    "/admin/retrieval/document/add/",
    "/admin/retrieval/document/{document}/change/",
)
BEGINNING = (
    b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\nContent-Type: text/markdown\r\n\r\nText'
)
FURNISH = """
import json
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client
from chatsite.models import ApiKey
from retrieval.ingestion import ingest
from retrieval.models import Collection
staff = User.objects.create_superuser("staff")
(client := Client()).force_login(staff)
document, _ = ingest.add_document(
    Collection.objects.create(name="C", slug="c"), file=ContentFile(b"Text"), filename="a.md"
)
secret = (key := ApiKey(name="K", user=staff, all_collections=True)).make_secret()
key.save()
print(json.dumps({"session": client.cookies["sessionid"].value, "secret": secret, "document": document.pk}))
"""
COUNT = "from retrieval.models import Document; print(Document.objects.count())"


@dataclass(frozen=True)
class Furnished:
    running: Site
    session: str
    secret: str
    document: int

    def begin(self, path: str, *headers: str, length: int = TOO_LONG) -> tuple[int, str]:
        """Send the beginning of a long upload and wait for what is said to it: its status and all of the page."""
        address = urlsplit(self.running.url)
        lines = [
            f"POST {path.format(document=self.document)} HTTP/1.1",
            f"Host: {address.netloc}",
            f"Content-Length: {length}",
            "Content-Type: multipart/form-data; boundary=edge",
            *headers,
        ]
        with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
            connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + BEGINNING)
            answer = b""
            while b"\r\n\r\n" not in answer or len(answer.partition(b"\r\n\r\n")[2]) < length_of(answer):
                answer += (part := connection.recv(65_536))
                assert part, answer
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    @property
    def cookies(self) -> str:
        return f"Cookie: sessionid={self.session}; csrftoken={'a' * 32}"


def length_of(answer: bytes) -> int:
    match = re.search(rb"(?i)\r\ncontent-length: *(\d+)", answer)
    assert match, answer
    return int(match[1])


@pytest.fixture(scope="module", params=["gunicorn gthread", "uvicorn"])
def furnished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    data_dir = tmp_path_factory.mktemp("uploads") / "data"
    data_dir.mkdir()
    migrate(data_dir)
    made = json.loads(manage("shell", "--no-imports", "-c", FURNISH, data_dir=data_dir))
    with site(request.param, data_dir=data_dir) as running:
        yield Furnished(running, **made)


def test_case_40_too_long_an_attachment_is_413_before_it_has_come(furnished: Furnished) -> None:
    for credential in (f"Authorization: Bearer {furnished.secret}", furnished.cookies):
        status, body = furnished.begin(ATTACHMENTS, credential)
        error = json.loads(body)
        assert (status, error["error"], list(error["details"])) == (413, "file_too_large", ["file"])
        assert error["message"] == "file: Too large: it has 51.0\xa0MB, the limit is 50.0\xa0MB."


def test_case_40_too_long_an_upload_in_the_admin_is_413_before_it_has_come(furnished: Furnished) -> None:
    said = "Too large: it has 51.0\xa0MB, the limit is 50.0\xa0MB."
    together = f"Documents: {said} The files of one form count together: choose fewer at once."
    status, page = furnished.begin(ADD, furnished.cookies)
    assert (status, together in page, "<form" in page) == (413, True, True)
    status, fragment = furnished.begin(ADD, furnished.cookies, "X-Fragment: 1")
    assert (status, together in fragment, "<form" in fragment) == (413, True, False)
    status, page = furnished.begin(CHANGE, furnished.cookies)
    assert (status, f"Replace file: {said}" in page, 'name="replacement"' in page) == (413, True, True)
    assert furnished.begin(ADD)[0] == 302  # to sign in


@pytest.mark.parametrize("path", ["/", "/ask/", "/accounts/login/", "/admin/", "/admin/login/", "/documents/", ADD])
def test_case_126_nobodys_long_body_is_refused_before_it_has_come(furnished: Furnished, path: str) -> None:
    status, page = furnished.begin(path)
    assert (status, "larger than the limit of 2,097,152 bytes" in page) in {(413, True), (302, False)}  # to sign in


def test_case_126_long_body_to_the_api_is_refused_before_it_has_come(furnished: Furnished) -> None:
    for headers in [(), (furnished.cookies,), (f"Authorization: Bearer {furnished.secret}",)]:
        status, body = furnished.begin("/api/v1/chat/query", *headers)
        assert (status, json.loads(body)["error"]) == (413, "body_too_large")


def test_case_126_upload_that_tells_no_length_is_counted_as_it_comes(furnished: Furnished) -> None:
    def parts() -> Iterator[bytes]:
        yield BEGINNING
        for _ in range(51):
            yield bytes(1024**2)
        yield b"\r\n--edge--\r\n"

    headers = {"Authorization": f"Bearer {furnished.secret}", "Content-Type": "multipart/form-data; boundary=edge"}
    response = httpx.post(furnished.running.url + ATTACHMENTS, content=parts(), headers=headers, timeout=60)
    assert (response.status_code, response.json()["error"]) == (413, "body_too_large")
    kept = manage("shell", "--no-imports", "-c", COUNT, data_dir=furnished.running.data_dir)
    assert kept.strip() == "1"
