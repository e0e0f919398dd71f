"""The wire format of collections, documents and searches."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework import serializers

from chatsite.api.fields import (
    MomentField,
    ParameterField,
    TextField,
    WholeNumberField,
    document_ids_field,
    languages_field,
    slugs_field,
)
from chatsite.api.paging import PageRequestSerializer
from chatsite.api.serializers import NOTES_HELP, CorrectionSerializer, NoteSerializer, PagesField
from retrieval.models import Document
from retrieval.parsing.formats import clean

NEXT_HELP = "Send it as `cursor` for the next page; null after the last."
MOST_PASSAGES = 50


class CollectionSerializer(serializers.Serializer[Any]):
    """Documents that are searched together and share who may read them."""

    slug = serializers.CharField(help_text="Its name in `collections` and `collection`.")
    name = serializers.CharField()
    description = serializers.CharField()
    public = serializers.BooleanField(help_text="Every reader may search it.")
    languages = serializers.ListField(child=serializers.CharField(), help_text="Of its documents, as ISO 639-1 codes.")
    documents = serializers.IntegerField(source="document_count", help_text="How many there are that have text.")


class CollectionsSerializer(serializers.Serializer[Any]):
    """A page of collections."""

    collections = CollectionSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text=NEXT_HELP)


class DocumentFilterSerializer(PageRequestSerializer):
    """Which documents to list, in the address."""

    collection = ParameterField(max_length=120, required=False, help_text="Its slug.")
    state = serializers.ChoiceField(choices=Document.State.choices, required=False)
    q = ParameterField(
        max_length=300, required=False, help_text="Words, each of which stands in the title or the file name."
    )
    updated_since = MomentField(required=False, help_text="Changed, ingested or added then or later.")


class ListedDocumentSerializer(serializers.Serializer[Any]):
    """A document, and how far its ingestion is."""

    document_id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    filename = serializers.CharField()
    collection = serializers.SerializerMethodField(help_text="The slug; empty for an attached file, which has none.")
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=Document.Source.choices, help_text="How it was put in."
    )
    location = serializers.SerializerMethodField(help_text="The web address it was fetched from; else empty.")
    language = serializers.CharField(help_text="ISO 639-1, as detected; empty where nothing tells.")
    dated = serializers.DateField(allow_null=True, help_text="The date it bears, else when it was added.")
    size = serializers.IntegerField(help_text="Of the file, in bytes.")
    pages = PagesField()
    characters = serializers.IntegerField(help_text="Of its text, which offsets count.")
    chunks = serializers.IntegerField(source="chunk_count")
    state = serializers.ChoiceField(choices=Document.State.choices)
    progress = serializers.IntegerField(help_text="Percent, while it is processing.")
    error = serializers.CharField(source="error.message", help_text="Why it can't be read; empty when it can.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    url = serializers.CharField(source="get_absolute_url", help_text="Where the reader opens it.")

    def get_collection(self, document: Document) -> str:
        return "" if document.collection.hidden else document.collection.slug

    def get_location(self, document: Document) -> str:
        return document.location if document.source == Document.Source.URL else ""


class WholeDocumentSerializer(ListedDocumentSerializer):
    """A document, how far its ingestion is, and how it was read."""

    notes = NoteSerializer(source="ordered_notes", many=True, help_text=NOTES_HELP)


class DocumentPageSerializer(serializers.Serializer[Any]):
    """A page of documents, by id."""

    documents = ListedDocumentSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text=NEXT_HELP)


class UploadSerializer(serializers.Serializer[Any]):
    """A file for a collection, as multipart/form-data."""

    file = serializers.FileField(help_text="Of a format that can be uploaded, or a zip archive of such files.")
    collection = ParameterField(max_length=120, help_text="The slug of a collection that you see.")


class PasteSerializer(serializers.Serializer[Any]):
    """Text for a collection, kept as Markdown."""

    title = TextField(max_length=300)
    text = TextField(max_length=settings.PASTE_MAX_CHARACTERS)
    collection = TextField(max_length=120, help_text="The slug of a collection that you see.")

    def validate_text(self, text: str) -> str:
        if not clean(text).strip():
            raise serializers.ValidationError(_("There is no text in it."))
        return text


class AddressSerializer(serializers.Serializer[Any]):
    """A web address for a collection: what is there now becomes a document."""

    url = TextField(max_length=2_000, help_text="Beginning with https:// or http://.")
    collection = TextField(max_length=120, help_text="The slug of a collection that you see.")


class AddedDocumentSerializer(WholeDocumentSerializer):
    """A document that was added, or that held the same already."""

    created = serializers.BooleanField(help_text="false: the collection held the same already, as this document.")


class RefusalSerializer(serializers.Serializer[Any]):
    """A file of an archive that became no document."""

    filename = serializers.CharField()
    message = serializers.CharField()


class AddedSerializer(serializers.Serializer[Any]):
    """What became of a file, a text or an address; an archive gives several documents."""

    documents = AddedDocumentSerializer(many=True)
    refused = RefusalSerializer(many=True)


class ChunkSerializer(serializers.Serializer[Any]):
    """A piece of a document's text: the chunks in order, joined, are the text."""

    chunk_id = serializers.UUIDField(source="pk")
    position = serializers.IntegerField(help_text="From 0.")
    start = serializers.IntegerField(help_text="Its first character of the document's text, in code points.")
    end = serializers.IntegerField(help_text="One past its last.")
    page = serializers.IntegerField(allow_null=True, help_text="That it begins on, where a document has pages.")
    page_label = serializers.CharField(help_text="What is printed as that page's number; empty without pages.")
    headings = serializers.ListField(child=serializers.CharField(), help_text="Above its beginning, outermost first.")
    text = serializers.CharField()


class ChunksSerializer(serializers.Serializer[Any]):
    """A page of a document's chunks, in order."""

    document_id = serializers.IntegerField()
    chunks = ChunkSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text=NEXT_HELP)


class SearchSerializer(serializers.Serializer[Any]):
    """A search, in the body of `POST search`."""

    query = TextField(max_length=settings.QUERY_MAX_CHARACTERS, help_text="A question, or key words.")
    collections = slugs_field("Slugs; search these only.")
    document_ids = document_ids_field("Search these documents only.")
    languages = languages_field("Search documents in these languages only, as ISO 639-1 codes: en, de.")
    since = serializers.DateField(required=False, help_text="Search documents of this day and later only.")
    until = serializers.DateField(required=False, help_text="Search documents of this day and earlier only.")
    limit = WholeNumberField(min_value=1, max_value=MOST_PASSAGES, default=10, help_text="How many passages at most.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in self.initial_data:
            if name not in self.fields:
                known = _("Is no field of a search. It takes these: %s.") % ", ".join(self.fields)
                raise serializers.ValidationError({name[:60]: known})
        if "since" in attrs and "until" in attrs and attrs["until"] < attrs["since"]:
            raise serializers.ValidationError({"until": _("Is before since; swap them.")})
        return attrs


class FoundPassageSerializer(serializers.Serializer[Any]):
    """A passage that was found: `text` is the document's text from `start` to `end`."""

    document_id = serializers.IntegerField()
    title = serializers.CharField()
    beside = serializers.CharField(help_text="Tells it from another document of the same title; else empty.")
    heading = serializers.CharField(help_text="The path of headings above its beginning; may be empty.")
    page = serializers.IntegerField(allow_null=True, help_text="That what was found begins on, counted from 1.")
    page_label = serializers.CharField(help_text="What is printed as that page's number; empty without pages.")
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    text = serializers.CharField()
    score = serializers.FloatField(help_text="Compares the passages of one search, and no others.")
    chunk_id = serializers.UUIDField()
    url = serializers.CharField(help_text="Opens the document with the passage marked.")


class SearchResultSerializer(serializers.Serializer[Any]):
    """What a search has found, best first."""

    passages = FoundPassageSerializer(many=True)
    confidence = serializers.FloatField(help_text="How likely it is, 0 to 1, that they answer the query.")
    answers = serializers.BooleanField(help_text="They are taken to answer it; else they are the nearest there are.")
    language = serializers.CharField(help_text="That the query was taken to be in; empty where none is known.")
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="Names in the query that none of the passages holds."
    )
    corrections = CorrectionSerializer(many=True)
    time_ms = serializers.FloatField()
