"""What comes in through the API becomes documents, by the same ways as in the admin."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from chatsite import errors
from chatsite.api.documents.serializers import AddressSerializer, PasteSerializer, UploadSerializer
from chatsite.api.idempotency import Sent
from chatsite.errors import AnswerError
from chatsite.reader import Reader
from retrieval.models import Collection, Document
from retrieval.sources.addresses import add_address
from retrieval.sources.refused import keep_refused
from retrieval.sources.uploads import ARCHIVE, ENDINGS, Upload, add_text, add_upload, check_ending, check_length
from retrieval.sources.web import FetchLimits


def check_form(length: str) -> None:
    """Raise AnswerError (413) for the Content-Length of a form that is too large."""
    if refusal := check_length(length, max_bytes=settings.UPLOAD_MAX_BYTES):
        raise _refused("file", "file_too_large", refusal.message(), status=413)


def add_documents(request: Request, reader: Reader, sent: Sent) -> tuple[dict[str, Any], int]:
    """Return what became of the request's file, text or address, and the status that tells of it.

    Raises:
        ValidationError, AnswerError: 400, 404, 413 or 415 when nothing became of it.
    """
    owner = request.user
    assert isinstance(owner, AbstractBaseUser)  # MayUseDocuments has let in nobody else
    if (request.content_type or "").startswith("multipart/"):
        field, uploads = "file", _from_form(request, reader, owner)
    else:
        field, uploads = _from_json(request, reader, owner)
    if not any(upload.document for upload in uploads):
        raise _error(field, uploads)
    body = {
        "documents": [_told(upload) for upload in uploads if upload.document],
        "refused": [
            {"filename": upload.filename, "message": upload.refusal.message()}
            for upload in uploads
            if not upload.document
        ],
    }
    status = 201 if any(upload.document and not upload.refusal for upload in uploads) else 200
    sent.made_documents(body, status=status)
    return body, status


def collection_of(reader: Reader, slug: str) -> Collection:
    """Raises AnswerError (404), for one that the reader may not see as for one that is not there."""
    collection = reader.collections().filter(slug=slug).first()
    if collection is None:
        raise errors.not_found("collection", _("No such collection: %s.") % slug)
    return collection


def _from_form(request: Request, reader: Reader, owner: AbstractBaseUser) -> list[Upload]:
    asked = UploadSerializer(data=request.data)
    asked.is_valid(raise_exception=True)
    collection, file = collection_of(reader, asked.validated_data["collection"]), asked.validated_data["file"]
    uploads = add_upload(collection, file=file, filename=file.name, owner=owner, max_bytes=settings.UPLOAD_MAX_BYTES)
    _keep_refused(collection, uploads, owner)
    if refusal := check_ending(file.name, accepted=ENDINGS | {ARCHIVE}):
        raise _refused("file", "unsupported_file", refusal.message(), status=415)
    return uploads


def _from_json(request: Request, reader: Reader, owner: AbstractBaseUser) -> tuple[str, list[Upload]]:
    given = request.data if isinstance(request.data, dict) else {}
    if "url" in given and "text" in given:
        raise ValidationError({"url": _("Contradicts text; leave one of them out.")})
    if "url" in given:
        address = AddressSerializer(data=request.data)
        address.is_valid(raise_exception=True)
        return "url", [_fetched(reader, owner, **address.validated_data)]
    paste = PasteSerializer(data=request.data)
    paste.is_valid(raise_exception=True)
    asked = paste.validated_data
    collection = collection_of(reader, asked["collection"])
    uploads = [add_text(collection, title=asked["title"], text=asked["text"], owner=owner)]
    _keep_refused(collection, uploads, owner)
    return "text", uploads


def _fetched(reader: Reader, owner: AbstractBaseUser, *, url: str, collection: str) -> Upload:
    limits = FetchLimits(settings.UPLOAD_MAX_BYTES, seconds=settings.FETCH_MAX_SECONDS, hosts=settings.FETCH_HOSTS)
    into = collection_of(reader, collection)
    upload = add_address(into, url=url, owner=owner, limits=limits)
    _keep_refused(into, [upload], owner)
    return upload


def _keep_refused(collection: Collection, uploads: list[Upload], owner: AbstractBaseUser) -> None:
    """Keep what staff should know of; programs send what is already there as a matter of course."""
    news = [upload for upload in uploads if not (upload.refusal and upload.document)]
    keep_refused(collection, news, owner=owner)


def _told(upload: Upload) -> Document:
    document = upload.document
    assert document is not None
    vars(document)["created"] = not upload.refusal
    return document


def _error(field: str, uploads: list[Upload]) -> AnswerError:
    """Return why nothing became of a request, by the first reason."""
    message = uploads[0].refusal.message()
    if any(upload.too_much for upload in uploads):
        return _refused(field, "quota_exceeded", message, status=413)
    return errors.invalid(field, message)


def _refused(field: str, code: str, fault: str, *, status: int) -> AnswerError:
    return AnswerError(code, f"{field}: {fault}", status=status, details={field: [fault]})
