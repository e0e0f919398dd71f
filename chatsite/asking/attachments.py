"""Files that a reader attaches to one conversation: searched with its questions, read by that reader alone.

They are documents of a hidden collection, which belongs to the reader and leaves with the conversation. What is known
before a file is stored is checked here, as an upload of the staff's is; what its content is, ingestion says.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files import File
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.errors import AnswerError
from chatsite.models import Conversation
from chatsite.models.conversations import UNREAD, title_of
from chatsite.reader import Reader
from retrieval.ingestion.deletion import delete_collection, delete_documents
from retrieval.models import Collection, Document
from retrieval.reasons import Reason
from retrieval.sources.uploads import ENDINGS, Upload, add_upload, check_ending, check_length, check_size

FIELD = "file"  # of the request
RETRY_SECONDS = 10


def may_attach(reader: Reader) -> bool:
    """Someone who is signed in, unless ATTACHMENTS is 0: a file needs an owner who can be held to a quota."""
    return reader.user.is_authenticated and settings.ATTACHMENTS > 0 and reader.lists_documents


def is_untitled(conversation: Conversation) -> bool:
    """Say whether it began with a file, whose name it has, and nothing has been asked yet."""
    if not conversation.attachments_id or conversation.runs.exists():
        return False
    return any(title_of(file.filename) == conversation.title for file in conversation.files())


def attach(conversation: Conversation, *, file: File[bytes], filename: str, owner: AbstractBaseUser) -> Document:
    """Attach a file to a conversation, which is saved if it is new: its document, queued to be read. The same file
    twice is one document.

    Raises AnswerError: 413 too large or beyond the quota, 415 of an unknown type, 429 too many files.
    """
    _check_file(file, filename)
    _check_count(conversation, owner)
    begun = conversation._state.adding
    collection = _collection(conversation, owner)
    [upload] = add_upload(
        collection, file=file, filename=filename, owner=owner, max_bytes=settings.UPLOAD_MAX_BYTES
    )  # one: an archive has been refused
    if upload.document is None:
        if begun:
            conversation.delete()
        raise _refused(upload)
    if conversation.files().count() > settings.ATTACHMENTS:  # several came at once
        delete_documents(conversation.files().filter(pk=upload.document.pk))
        raise _full()
    return upload.document


def detach(conversation: Conversation, document_id: int) -> None:
    """Delete an attached file. Raises AnswerError (404)."""
    found = conversation.files().filter(pk=document_id)
    if not found:
        raise errors.not_found("document_id", _("There is no such file."))
    delete_documents(found)


def check_body(length: str) -> None:
    """By the Content-Length of a request, before its body is read. Raises AnswerError (413)."""
    _check(check_length(length, max_bytes=settings.UPLOAD_MAX_BYTES))


def _check_file(file: File[bytes], filename: str) -> None:
    _check(check_size(file.size, max_bytes=settings.UPLOAD_MAX_BYTES))
    if refusal := check_ending(filename, accepted=ENDINGS):
        raise _error("unsupported_file", refusal.message(), status=415)


def _check(too_large: Reason) -> None:
    if too_large:
        raise _error("file_too_large", too_large.message(), status=413)


def _check_count(conversation: Conversation, owner: AbstractBaseUser) -> None:
    limit = settings.ATTACHMENTS
    if conversation.files().count() >= limit:
        raise _full()
    waiting = Document.objects.filter(owner=owner.pk, collection__hidden=True, state__in=UNREAD, live_generation=0)
    if waiting.count() >= limit:
        fault = _("%(limit)d of your files are waiting to be read, the most at once. Try again in %(wait)d seconds.")
        numbers = {"limit": limit, "wait": RETRY_SECONDS}
        raise _error("too_many_attachments", fault % numbers, status=429, retry_after=RETRY_SECONDS)


def _full() -> AnswerError:
    fault = _("%(limit)d files are attached to this conversation, the most it takes. Remove one, or begin another.")
    return _error("too_many_attachments", fault % {"limit": settings.ATTACHMENTS}, status=429)


def _error(code: str, fault: str, *, status: int, retry_after: int | None = None) -> AnswerError:
    return AnswerError(code, f"{FIELD}: {fault}", status=status, details={FIELD: [fault]}, retry_after=retry_after)


def _refused(upload: Upload) -> AnswerError:
    return _error("quota_exceeded" if upload.too_much else "unsupported_file", upload.refusal.message(), status=413)


def _collection(conversation: Conversation, owner: AbstractBaseUser) -> Collection:
    """Return the hidden collection of a conversation, made with its first file; twice at once gives the same."""
    with transaction.atomic():
        if conversation._state.adding:
            conversation.save()
        locked = Conversation.objects.select_for_update().filter(pk=conversation.pk).first()
        if locked is None:
            raise errors.not_found("session_id", _("There is no conversation %s.") % conversation.pk)
        if locked.attachments is None:
            name = f"attached-{conversation.pk}"
            locked.attachments = Collection.objects.create(name=name, slug=name, owner_id=owner.pk, hidden=True)
            Conversation.objects.filter(pk=locked.pk).update(attachments=locked.attachments)
        conversation.attachments = locked.attachments
        return locked.attachments


@receiver(post_delete, sender=Conversation)
def delete_attachments(instance: Conversation, **signal: Any) -> None:
    """Delete a conversation's files with it, whoever deletes it and however."""
    if instance.attachments_id:
        for collection in Collection.objects.filter(pk=instance.attachments_id, hidden=True):
            delete_collection(collection)
