"""The API's views of what a question is asked about: files attached to a conversation, and documents by title."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite import errors
from chatsite.api.authentication import api_reader
from chatsite.api.permissions import MayAttach, MayFind
from chatsite.api.serializers import (
    AttachmentRequestSerializer,
    AttachmentsSerializer,
    DocumentSerializer,
    ErrorSerializer,
    FindSerializer,
    FoundSerializer,
)
from chatsite.api.views import ChatView
from chatsite.asking import attachments
from chatsite.asking.documents import choosable, find_documents, known_document
from chatsite.models import Conversation
from chatsite.models.conversations import title_of
from retrieval.models import Document
from retrieval.namesakes import told_apart


class Attachments(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [MayAttach]
    parser_classes = [MultiPartParser]
    takes_files = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        attachments.check_body(request.META.get("CONTENT_LENGTH") or "")  # a session's CSRF token is in the body
        super().initial(request, *args, **kwargs)

    @extend_schema(
        parameters=[OpenApiParameter("session_id", OpenApiTypes.UUID, required=True, description="The conversation.")],
        responses={200: AttachmentsSerializer, **dict.fromkeys([400, 401, 403, 404], ErrorSerializer)},
    )
    def get(self, request: Request) -> Response:
        """The files attached to a conversation, and how far each has been read."""
        asked = AttachmentRequestSerializer(data=request.query_params, partial=True)
        asked.is_valid(raise_exception=True)
        if "session_id" not in asked.validated_data:
            raise ValidationError({"session_id": _("Is required.")})
        return _all_of(_conversation(request, asked.validated_data["session_id"]))

    @extend_schema(
        request={"multipart/form-data": AttachmentRequestSerializer},
        responses={
            201: AttachmentsSerializer,
            **dict.fromkeys([400, 401, 403, 404, 413, 415, 429], ErrorSerializer),
        },
    )
    def post(self, request: Request) -> Response:
        """Attach a file to a conversation; without `session_id` one begins with it."""
        asked = AttachmentRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        file, session_id = asked.validated_data["file"], asked.validated_data.get("session_id")
        if session_id:
            conversation = _conversation(request, session_id)
        else:
            conversation = api_reader(request, asks=True).new_conversation(title_of(file.name))
        attachments.attach(conversation, file=file, filename=file.name, owner=_owner(request))
        response = _all_of(conversation)
        response.status_code = 201
        return response


class Attachment(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [MayAttach]

    @extend_schema(responses={204: None, **dict.fromkeys([401, 403, 404], ErrorSerializer)})
    def delete(self, request: Request, document_id: int) -> Response:
        """Delete an attached file. Answers that cite it say that it has gone."""
        collection = Document.objects.filter(pk=document_id).values("collection")  # also of ids that no row can have
        conversation = api_reader(request).conversations().filter(attachments__in=collection).first()
        attachments.detach(conversation or Conversation(), document_id)
        return Response(status=204)


class Documents(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [MayFind]

    @extend_schema(
        parameters=[FindSerializer],
        responses={200: FoundSerializer, **dict.fromkeys([400, 401, 403], ErrorSerializer)},
    )
    def get(self, request: Request) -> Response:
        """Documents that you can ask, by words of their titles: what `document_ids` of a question takes."""
        asked = FindSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        found = find_documents(
            api_reader(request),
            words=given.get("words", ""),
            document_ids=given.get("document_ids"),
            collections=given.get("collections"),
        )
        beside = told_apart(found.documents, among=choosable(api_reader(request)))
        return Response(FoundSerializer(found, context={"beside": beside}).data)


class OneDocument(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [MayFind]

    @extend_schema(
        operation_id="chat_document_retrieve",  # the list has the other one
        responses={200: DocumentSerializer, **dict.fromkeys([401, 403, 404], ErrorSerializer)},
    )
    def get(self, request: Request, document_id: int) -> Response:
        """A document that you may read, and how it was read; also a file that you have attached."""
        document = known_document(api_reader(request), document_id)
        if document is None:
            raise errors.not_found("document_id", _("There is no document %d.") % document_id)
        beside = told_apart([document], among=choosable(api_reader(request)))
        return Response(DocumentSerializer(document, context={"beside": beside}).data)


def _conversation(request: Request, session_id: Any) -> Conversation:
    """Raises AnswerError (404), for one of someone else as for one that is not there."""
    conversation = api_reader(request).conversations().filter(pk=session_id).first()
    if conversation is None:
        raise errors.not_found("session_id", _("There is no conversation %s.") % session_id)
    return conversation


def _all_of(conversation: Conversation) -> Response:
    files = list(conversation.files())
    body = {"session_id": conversation.pk, "attachments": files}
    return Response(AttachmentsSerializer(body, context={"beside": told_apart(files)}).data)


def _owner(request: Request) -> AbstractBaseUser:
    assert isinstance(request.user, AbstractBaseUser)  # MayAttach has let in nobody else
    return request.user
