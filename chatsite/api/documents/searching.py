"""The API's search: retrieval alone, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite.api.authentication import api_reader
from chatsite.api.documents.serializers import SearchResultSerializer, SearchSerializer
from chatsite.api.permissions import MayFind
from chatsite.api.serializers import ErrorSerializer
from chatsite.api.views import ChatView
from chatsite.asking.searching import search_as
from chatsite.reader import Reader
from retrieval.namesakes import told_apart
from retrieval.searching.passages import Passage
from retrieval.searching.search import SearchResult


class Search(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [MayFind]

    @extend_schema(
        request=SearchSerializer,
        responses={200: SearchResultSerializer, **dict.fromkeys([400, 404, 413, 415, 429, 503], ErrorSerializer)},
    )
    def post(self, request: Request) -> Response:
        """Search for passages, in what you may read; nothing is asked of a language model and nothing is kept."""
        asked = SearchSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        reader = api_reader(request)
        found = search_as(reader, asked.validated_data)
        return Response(SearchResultSerializer(_told(found, reader)).data)


def _told(found: SearchResult, reader: Reader) -> dict[str, Any]:
    beside = told_apart(found.documents.values())
    return {
        "passages": [_passage(passage, beside, reader) for passage in found.passages],
        "confidence": round(found.confidence, 3),
        "answers": found.answers,
        "language": found.language,
        "missing": [name.written for name in found.missing],
        "corrections": [{"written": one.written, "read_as": one.read_as} for one in found.corrections],
        "time_ms": round(found.total_ms, 2),
    }


def _passage(passage: Passage, beside: Any, reader: Reader) -> dict[str, Any]:
    fields = "document_id title page page_label start end text score chunk_id".split()
    document_id = passage.document_id or 0  # what a search finds lies in a document
    return {field: getattr(passage, field) for field in fields} | {
        "heading": passage.section,
        "beside": beside.get(document_id, ""),
        "url": reader.link(document_id, start=passage.start, end=passage.end),
    }
