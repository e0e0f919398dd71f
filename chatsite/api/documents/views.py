"""The API's views of collections and documents: list them, read them, put them in, delete and re-index them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db.models import Q
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite import errors
from chatsite.api.authentication import api_reader
from chatsite.api.documents.adding import add_documents, check_form, collection_of
from chatsite.api.documents.serializers import (
    AddedSerializer,
    AddressSerializer,
    ChunksSerializer,
    CollectionsSerializer,
    DocumentFilterSerializer,
    DocumentPageSerializer,
    PasteSerializer,
    UploadSerializer,
    WholeDocumentSerializer,
)
from chatsite.api.idempotency import KEY_PARAMETER, Sent
from chatsite.api.paging import PageRequestSerializer, page_of, parameters
from chatsite.api.parsers import BoundedJSONParser
from chatsite.api.permissions import MayUseDocuments
from chatsite.api.serializers import ErrorSerializer
from chatsite.api.views import ChatView, ConditionalView
from chatsite.asking.documents import known_documents
from chatsite.reader import Reader
from retrieval.ingestion import ingest
from retrieval.ingestion.deletion import delete_documents
from retrieval.models import Document
from retrieval.sources.uploads import declared_length


class Collections(ConditionalView):
    permission_classes: Sequence[type[BasePermission]] = [MayUseDocuments]

    @extend_schema(parameters=[PageRequestSerializer], responses={200: CollectionsSerializer, 400: ErrorSerializer})
    def get(self, request: Request) -> Response:
        """The collections that you may search, by name."""
        asked = parameters(request, PageRequestSerializer)
        reader = api_reader(request)
        collections = reader.collections().counting(reader.documents())
        found, following = page_of(collections, order=("name", "pk"), asked=asked)
        return Response(CollectionsSerializer({"collections": found, "next_cursor": following}).data)


class DocumentList(ConditionalView):
    permission_classes: Sequence[type[BasePermission]] = [MayUseDocuments]
    parser_classes = [BoundedJSONParser, MultiPartParser]
    takes_files = True
    changes = {"POST": "retrieval.add_document"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a body that is too large before a CSRF check reads it: a file has a limit of its own."""
        length = request.META.get("CONTENT_LENGTH") or ""
        if (request.content_type or "").startswith("multipart/"):
            check_form(length)
        elif declared_length(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="documents_list",
        parameters=[DocumentFilterSerializer],
        responses={200: DocumentPageSerializer, 400: ErrorSerializer, 404: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        """The documents that you may read, by id; attached files are not among them."""
        asked = parameters(request, DocumentFilterSerializer)
        reader = api_reader(request)
        documents = _filtered(reader, asked).defer("page_starts", "page_labels", "notes")
        found, following = page_of(documents, order=("pk",), asked=asked)
        return Response(DocumentPageSerializer({"documents": found, "next_cursor": following}).data)

    @extend_schema(
        parameters=[KEY_PARAMETER],
        request={
            "multipart/form-data": UploadSerializer,
            "application/json": PolymorphicProxySerializer(
                component_name="TextOrAddress",
                serializers=[PasteSerializer, AddressSerializer],
                resource_type_field_name=None,
            ),
        },
        responses={
            201: AddedSerializer,
            200: OpenApiResponse(AddedSerializer, description="The collection held all of it already."),
            **dict.fromkeys([400, 403, 404, 413, 415, 422], ErrorSerializer),
        },
    )
    def post(self, request: Request) -> Response:
        """Put in a file, a text, or what is at a web address. It is queued to be read."""
        reader, sent = api_reader(request), Sent.by(request)
        body, status = sent.documents(reader) or add_documents(request, reader, sent)
        response = Response(AddedSerializer(body).data, status=status)
        if len(body["documents"]) == 1:
            response["Location"] = reverse("chatsite:api-library-document", args=[body["documents"][0].pk])
        return response


class ChangeableView(ConditionalView):
    """A view of one document, which `changes` when whoever sends the request may do that."""

    permission_classes: Sequence[type[BasePermission]] = [MayUseDocuments]
    changes: Mapping[str, str] = {}

    def found(self, request: Request, document_id: int) -> Document:
        """Return a document of a collection that the request may change; what is attached to a conversation is its
        reader's alone. Raises AnswerError (404), PermissionDenied."""
        documents = api_reader(request).documents().listed().select_related("collection")
        document = _or_404(documents.filter(pk=document_id).first(), document_id)
        self.check_object_permissions(request, document)
        return document


class OneOfDocuments(ChangeableView):
    changes = {"DELETE": "retrieval.delete_document"}

    @extend_schema(operation_id="documents_retrieve", responses={200: WholeDocumentSerializer, 404: ErrorSerializer})
    def get(self, request: Request, document_id: int) -> Response:
        """A document: how far its ingestion is, what it holds, and what reading it left out."""
        return Response(WholeDocumentSerializer(_known(api_reader(request), document_id)).data)

    @extend_schema(responses={204: None, 403: ErrorSerializer, 404: ErrorSerializer})
    def delete(self, request: Request, document_id: int) -> Response:
        """Delete a document with its text and its file. Answers that cite it say that it has gone."""
        document = self.found(request, document_id)
        delete_documents(Document.objects.filter(pk=document.pk))
        return Response(status=204)


class DocumentOriginal(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [MayUseDocuments]

    @extend_schema(
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 404: ErrorSerializer},
    )
    def get(self, request: Request, document_id: int) -> HttpResponseBase:
        """The file as it was put in, always as a download."""
        document = _known(api_reader(request), document_id)
        try:
            file = document.file.open("rb")
        except FileNotFoundError as error:
            raise errors.not_found("document_id", _("The file is no longer stored.")) from error
        response = FileResponse(file, as_attachment=True, filename=document.filename)
        response["Content-Type"] = "application/octet-stream"
        response["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response["X-Content-Type-Options"] = "nosniff"
        return response


class DocumentChunks(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [MayUseDocuments]

    @extend_schema(
        parameters=[PageRequestSerializer],
        responses={200: ChunksSerializer, 400: ErrorSerializer, 404: ErrorSerializer},
    )
    def get(self, request: Request, document_id: int) -> Response:
        """The text of a document as it is searched: its chunks in order; none before it has been read."""
        asked = parameters(request, PageRequestSerializer)
        document = _known(api_reader(request), document_id)
        chunks = document.chunks.filter(generation=document.live_generation)
        found, following = page_of(chunks, order=("position", "pk"), asked=asked)
        for chunk in found:
            page = document.page_at(chunk.start + len(chunk.text) - len(chunk.text.lstrip()))
            vars(chunk).update(page=page, page_label=document.page_label(page))
        body = {"document_id": document.pk, "chunks": found, "next_cursor": following}
        return Response(ChunksSerializer(body).data)


class DocumentReindex(ChangeableView):
    changes = {"POST": "retrieval.change_document"}

    @extend_schema(request=None, responses={202: WholeDocumentSerializer, 403: ErrorSerializer, 404: ErrorSerializer})
    def post(self, request: Request, document_id: int) -> Response:
        """Read a document again; until that has ended, searches see what they see now."""
        document = self.found(request, document_id)
        ingest.enqueue(document)
        return Response(WholeDocumentSerializer(document).data, status=202)


def _filtered(reader: Reader, asked: dict[str, Any]) -> Any:
    documents = known_documents(reader).listed()
    if "collection" in asked:
        documents = documents.filter(collection=collection_of(reader, asked["collection"]))
    if "state" in asked:
        documents = documents.filter(state=asked["state"])
    if "updated_since" in asked:
        documents = documents.filter(updated_at__gte=asked["updated_since"])
    for word in asked.get("q", "").split():
        documents = documents.filter(Q(title__icontains=word) | Q(filename__icontains=word))
    return documents


def _known(reader: Reader, document_id: int) -> Document:
    """Raises AnswerError (404)."""
    return _or_404(known_documents(reader).filter(pk=document_id).first(), document_id)


def _or_404(document: Document | None, document_id: int) -> Document:
    if document is None:
        raise errors.not_found("document_id", _("There is no document %d.") % document_id)
    return document
