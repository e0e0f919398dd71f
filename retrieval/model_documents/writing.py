"""Writes what has changed in rows to their documents, many in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.text import capfirst

from retrieval.ingestion import ingest
from retrieval.ingestion.deletion import delete_documents
from retrieval.ingestion.worker import wake
from retrieval.model_documents.contents import RowContent
from retrieval.model_documents.declaring import ModelDocuments
from retrieval.models import Collection, Document

_FIELDS = ("title", "address")  # that a row says beside its content


@dataclass(frozen=True)
class RowChange:
    """A row's document as it was read, and what it has to be: None where there is none."""

    key: str
    document: Document | None
    content: RowContent | None
    collection: Collection | None  # where there is content

    @property
    def bytes(self) -> int:
        return self.content.file.size if self.content else 0

    @property
    def is_needed(self) -> bool:
        if self.document is None or self.content is None:
            return self.document is not None or self.content is not None
        return self.moves or self.document.content_hash != self.content.digest or bool(self.differs)

    @property
    def moves(self) -> bool:
        """Return whether the model is declared for another collection by now."""
        return bool(self.document and self.collection and self.document.collection_id != self.collection.pk)

    @property
    def differs(self) -> dict[str, str]:
        said = {name: getattr(self.content, name) for name in _FIELDS}
        return {name: value for name, value in said.items() if getattr(self.document, name) != value}


def write(one: ModelDocuments, changes: Sequence[RowChange], counts: Counter[str]) -> list[str]:
    """Write these changes, and count them. Return the keys of those whose documents have changed since they were
    read: nothing of them is written."""
    if not changes:
        return []
    overtaken = []
    with transaction.atomic():
        gone = [change.document.pk for change in changes if change.document and (not change.content or change.moves)]
        delete_documents(Document.objects.filter(pk__in=gone))
        kept = [change for change in changes if change.document and change.content and not change.moves]
        done = Counter(deleted=sum(change.content is None for change in changes))
        for change in kept:
            if _replace(change):
                done["changed"] += 1
            else:
                overtaken.append(change.key)
        new = [change for change in changes if change.content and (change.document is None or change.moves)]
        if _add(one, new):
            done["added"] += len(new)
        else:
            overtaken += [change.key for change in new]
    counts += +done
    return overtaken


def _replace(change: RowChange) -> bool:
    document, content = change.document, change.content
    assert document is not None
    assert content is not None
    differs = change.differs
    as_read = Document.objects.filter(pk=document.pk, content_hash=document.content_hash, title=document.title)
    if not as_read.update(**differs or {"title": document.title}):  # locks the row
        return False
    changed = ingest.replace_file(document, file=content.file, filename=content.filename)
    if "title" in differs and not changed:
        ingest.enqueue(document)  # the title ranks
    return True


def _add(one: ModelDocuments, changes: Sequence[RowChange]) -> bool:
    """Return False, and leave nothing, where somebody else has added one of them meanwhile."""
    documents: list[Document] = []
    try:
        documents.extend(_document_of(one, change) for change in changes)
        with transaction.atomic():
            Document.objects.bulk_create(documents)
    except BaseException as error:
        for document in documents:
            document.file.storage.delete(str(document.file.name))
        if isinstance(error, IntegrityError):
            return False
        raise
    transaction.on_commit(wake)
    return True


def _document_of(one: ModelDocuments, change: RowChange) -> Document:
    content = change.content
    assert content is not None
    assert change.collection is not None
    document = Document(
        collection=change.collection, title=content.title, title_given=True, filename=content.filename[-255:],
        content_hash=content.digest, size=content.file.size, source=Document.Source.MODEL, folder=one.label,
        location=change.key, address=content.address,
    )  # fmt: skip
    document.file.save(content.filename, content.file, save=False)
    return document


def collection_of(one: ModelDocuments) -> Collection:
    """Return its collection, which is made when it isn't there."""
    found = Collection.objects.filter(slug=one.collection).first()
    if found is not None:
        if not found.holds_rows:
            Collection.objects.filter(pk=found.pk).update(holds_rows=True)
        return found
    name = capfirst(one.collection_name)
    with transaction.atomic():
        if Collection.objects.filter(name=name).exists():
            name = f"{name} ({one.collection})"
        return Collection.objects.get_or_create(
            slug=one.collection, defaults={"name": name[:120], "public": one.public, "holds_rows": True}
        )[0]
