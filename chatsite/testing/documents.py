"""Documents of strings, searchable at once: read and embedded here and now, by no other process or address."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from django.core.files.base import ContentFile
from django.test import override_settings
from django.utils import timezone
from django.utils.text import slugify

from retrieval import configuration
from retrieval.errors import IndexUnavailable
from retrieval.ingestion import batch, spaces
from retrieval.ingestion.ingest import add_document
from retrieval.model_documents.declaring import declared
from retrieval.model_documents.following import sync
from retrieval.models import Collection, Document
from retrieval.parsing.formats import extract
from retrieval.text.language import detect_language

CHARACTERS_MOST = 5_000_000


class TextDocuments:
    """Puts texts into collections, and forgets them at the end. Their titles are the keys."""

    def __init__(self) -> None:
        self._put: list[Document] = []

    def __call__(
        self, texts: Mapping[str, str], *, collection: Collection | str = "Documents", public: bool = True
    ) -> dict[str, Document]:
        """Return a document for each text, which is Markdown, by its title. `collection` is one, or the name of one
        that is made if need be, which everybody may read or, with `public=False`, nobody who isn't given it."""
        if isinstance(collection, str):
            new = {"slug": slugify(collection) or "documents", "public": public}
            collection, _ = Collection.objects.get_or_create(name=collection, defaults=new)
        return {title: self._one(collection, title, text) for title, text in texts.items()}

    def _one(self, collection: Collection, title: str, text: str) -> Document:
        name = f"{slugify(title)[:80] or 'document'}.md"
        document, new = add_document(collection, file=ContentFile(text.encode(), name=name), filename=name, title=title)
        return self._read(document) if new else document

    def follow(self) -> list[Document]:
        """Bring the documents that are rows of the site's models in step with them; return those that have changed."""
        for one in declared():
            sync(one)
        waiting = Document.objects.filter(source=Document.Source.MODEL, state=Document.State.QUEUED)
        return [self._read(document) for document in waiting.order_by("pk")]

    def _read(self, document: Document) -> Document:
        Document.objects.filter(pk=document.pk).update(
            state=Document.State.PROCESSING, attempts=1, lease_until=timezone.now()
        )
        document.refresh_from_db()
        read = extract(Path(document.file.path), filename=document.filename, max_characters=CHARACTERS_MOST)
        self._put.append(document)
        batch.publish_read(document, read if read.language else replace(read, language=detect_language(read.text)))
        document.refresh_from_db()
        return document

    def forget(self) -> None:
        """Take them out of the index; their rows go with the test's transaction."""
        try:
            for document in self._put:
                spaces.live_space().index.remove(document.pk, up_to_generation=document.generation)
        except IndexUnavailable:  # whoever took it down has tested just that
            return
        finally:
            self._put.clear()


@contextmanager
def indexed_documents(folder: Path | None = None) -> Iterator[TextDocuments]:
    """Yield what puts documents into an index of its own, in `folder`, or in one that goes with the block. Nothing else
    is asked for vectors or answers than what runs here: addresses and keys of the project's settings are left out."""
    with _folder(folder) as place, _own_index(place, stays=folder is not None):
        settings = {"MEDIA_ROOT": place / "media", "USE_MOCK_EXECUTION": True}
        with override_settings(**settings):
            documents = TextDocuments()
            try:
                yield documents
            finally:
                documents.forget()


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    folder = given or Path(tempfile.mkdtemp(prefix="docchat-"))
    try:
        yield folder
    finally:
        if given is None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _own_index(folder: Path, *, stays: bool) -> Iterator[None]:
    """Use an index in `folder`; with `stays` also after the block, for to load a model takes as long as many tests."""
    former = configuration.runtime().settings
    own = replace(former, index_dir=folder / "index", qdrant_url="", embedding_base_url="", embedding_model="")
    if own != former:
        configuration.configure(own)
    try:
        yield
    finally:
        if not stays:
            configuration.configure(former)
