"""A program that calls the API with a key."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from retrieval.ingestion import ingest
from retrieval.models import Collection
from tests.chatsite.api.test_keys import make

DOCUMENTS = "/api/v1/documents"


class Program:
    """A client with a key of `user`, for these collections or all."""

    def __init__(self, user: User, *collections: Collection, **fields: Any) -> None:
        self.key, secret = make(user, *collections, **fields)
        self._headers = {"authorization": f"Bearer {secret}"}
        self._client = Client()

    def get(self, address: str, **parameters: Any) -> Any:
        headers = self._headers | parameters.pop("headers", {})
        return self._client.get(address, parameters, headers=headers)

    def post(self, address: str, body: Any = None, **headers: str) -> Any:
        return self._client.post(address, body, content_type="application/json", headers=self._headers | headers)

    def patch(self, address: str, body: Any) -> Any:
        return self._client.patch(address, body, content_type="application/json", headers=self._headers)

    def delete(self, address: str) -> Any:
        return self._client.delete(address, headers=self._headers)

    def upload(self, name: str, content: bytes, collection: str = "handbook", **headers: str) -> Any:
        form = {"file": SimpleUploadedFile(name, content), "collection": collection}
        return self._client.post(DOCUMENTS, form, headers=self._headers | headers)

    def ask(self, query: str = "How long do I wait before I pour the tea?", **more: Any) -> Any:
        headers = more.pop("headers", {})
        return self.post("/api/v1/chat/query", {"query": query} | more, **headers)


def status(response: Any) -> int:
    """Return its status; a file is read to its end, which closes it."""
    if response.streaming:
        b"".join(response.streaming_content)
    return int(response.status_code)


def ingest_all() -> None:
    while ingest.ingest_next():
        pass
