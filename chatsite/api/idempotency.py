"""`Idempotency-Key`: a request that is sent again under the same key, by the same reader, is not done again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files import File
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from chatsite import errors
from chatsite.asking.documents import known_documents
from chatsite.errors import AnswerError
from chatsite.models import ApiKey, EmbedSite, IdempotentRequest, Run
from chatsite.reader import BROWSER, Reader
from retrieval.ingestion import ingest

HEADER = "Idempotency-Key"
_KEY = "[!-~]{1,200}"
KEY_PARAMETER = OpenApiParameter(
    HEADER,
    {"type": "string", "pattern": f"^{_KEY}$"},
    OpenApiParameter.HEADER,
    description="Sent again within 24 hours with the same key, the request is answered by what it made the first time.",
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent, and under which key of whose; without a `key` nothing is remembered."""

    owner: str = ""
    key: str = ""
    fingerprint: str = ""

    @classmethod
    def by(cls, request: Request) -> Sent:
        """Return what `request` sends. Raises AnswerError: 400 for a key that is none, 401 for one of somebody whom
        nothing tells from others."""
        key = request.headers.get(HEADER)
        if key is None:
            return cls()
        if not re.fullmatch(_KEY, key):
            raise errors.invalid(HEADER, _("Must be 1 to 200 letters, digits and signs without blanks."))
        owner = _owner(request)
        if not owner:
            fault = _("Needs a session or an API key: nothing tells one stranger from another.")
            raise AnswerError("sign_in_required", f"{HEADER}: {fault}", status=401, details={HEADER: [fault]})
        return cls(owner, _digest(key), _fingerprint(request))

    def __bool__(self) -> bool:
        return bool(self.key)

    def run(self) -> Run | None:
        """Return the run that it has begun already. Raises AnswerError (422) for a key that was sent with another
        body."""
        earlier = self._earlier()
        return earlier.run if earlier else None

    def made_run(self, run: Run) -> None:
        """Remember the run that it begins, in the transaction that saves it. Raises IntegrityError when the same has
        begun one at the same time: then that one counts."""
        if self:
            self._remember(run=run)

    def documents(self, reader: Reader) -> tuple[dict[str, Any], int] | None:
        """Return what was answered when it put its documents in; nothing when they are gone, as if it had not been
        sent. Raises AnswerError (422)."""
        earlier = self._earlier()
        if earlier is None:
            return None
        created = dict(earlier.made["documents"])
        documents = list(known_documents(reader).filter(pk__in=created).order_by("pk"))
        if not documents:
            earlier.delete()
            return None
        for document in documents:
            vars(document)["created"] = created[document.pk]
        return {"documents": documents, "refused": earlier.made["refused"]}, earlier.made["status"]

    def made_documents(self, body: Mapping[str, Any], *, status: int) -> None:
        """Remember what became of its documents. A collection holds the same content once, so that the same request
        twice at once has made the same."""
        if not self:
            return
        documents = [[document.pk, vars(document)["created"]] for document in body["documents"]]
        try:
            with transaction.atomic():
                self._remember(made={"documents": documents, "refused": body["refused"], "status": status})
        except IntegrityError:
            self._earlier()

    def _earlier(self) -> IdempotentRequest | None:
        if not self:
            return None
        found = IdempotentRequest.objects.remembered().filter(owner=self.owner, digest=self.key).first()
        if found and found.fingerprint != self.fingerprint:
            fault = _("Was sent with another request within the last 24 hours; send a new key with this one.")
            raise AnswerError("idempotency_key_reused", f"{HEADER}: {fault}", status=422, details={HEADER: [fault]})
        return found

    def _remember(self, **made: Any) -> None:
        IdempotentRequest.objects.forget()
        IdempotentRequest.objects.create(owner=self.owner, digest=self.key, fingerprint=self.fingerprint, **made)


def _owner(request: Request) -> str:
    """Return whose keys they are; empty for a visitor of an embedded site and for a program without a key: nothing
    tells one of them from another."""
    if isinstance(request.auth, EmbedSite):
        return ""
    if isinstance(request.auth, ApiKey):
        return f"key:{request.auth.pk}"
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    browser = request._request.session.get(BROWSER, "")
    return f"browser:{browser}" if browser else ""


def _fingerprint(request: Request) -> str:
    """Return a digest of the address and of what was sent, files included."""
    sent = {name: _value(value) for name, value in request.data.items()} if hasattr(request.data, "items") else {}
    return _digest(json.dumps([request.path, sent], sort_keys=True))


def _value(value: Any) -> Any:
    return [value.name, ingest.sha256(value)] if isinstance(value, File) else value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
