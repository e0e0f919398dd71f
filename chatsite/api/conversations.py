"""The API's views of a reader's conversations: list, read, rename, pin and delete them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite import errors
from chatsite.answering.kept import delete_conversation
from chatsite.api.authentication import api_reader
from chatsite.api.fields import FlagField, ParameterField, TextField
from chatsite.api.paging import PageRequestSerializer, page_of, parameters
from chatsite.api.permissions import HasName
from chatsite.api.runs import told
from chatsite.api.serializers import ErrorSerializer, RunSerializer
from chatsite.api.views import ConditionalView
from chatsite.models import Conversation, Run

MESSAGES_USUAL, MESSAGES_MOST = 20, 50  # each is told anew, with the rights of now


class ConversationSerializer(serializers.Serializer[Any]):
    """Questions and answers that follow up on each other."""

    session_id = serializers.UUIDField(source="pk")
    title = serializers.CharField()
    agent = serializers.CharField(help_text="The name of the agent that it stays with; empty: the site itself.")
    pinned = serializers.BooleanField()
    messages = serializers.IntegerField(source="message_count", help_text="Questions, without those asked again.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(help_text="When something was asked last.")


class ConversationFilterSerializer(PageRequestSerializer):
    """Which conversations to list, in the address."""

    q = ParameterField(max_length=300, required=False, help_text="Stands in the title or in a question.")
    pinned = serializers.ChoiceField(choices=["true", "false"], required=False)


class ConversationsSerializer(serializers.Serializer[Any]):
    """A page of conversations, the last used first."""

    conversations = ConversationSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Send it as `cursor` for the next page.")


class ConversationChangeSerializer(serializers.Serializer[Any]):
    """What is to be changed of a conversation."""

    title = TextField(max_length=120, required=False)
    pinned = FlagField(required=False)

    def validate_title(self, title: str) -> str:
        return " ".join(title.replace("\x00", "").split())


class MessagePageRequestSerializer(PageRequestSerializer):
    """Which messages to list, in the address."""

    limit = serializers.IntegerField(
        min_value=1, max_value=MESSAGES_MOST, default=MESSAGES_USUAL, help_text="How many at once."
    )


class MessageSerializer(RunSerializer):
    """A question, and how it was answered."""

    question = serializers.CharField()
    mode = serializers.ChoiceField(choices=Run.Mode.choices)


class MessagesSerializer(serializers.Serializer[Any]):
    """A page of a conversation's questions and answers, the oldest first."""

    session_id = serializers.UUIDField()
    messages = MessageSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Send it as `cursor` for the next page.")


class Conversations(ConditionalView):
    permission_classes: Sequence[type[BasePermission]] = [HasName]

    @extend_schema(
        operation_id="conversations_list",
        parameters=[ConversationFilterSerializer],
        responses={200: ConversationsSerializer, 400: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        """Your conversations, the last used first; of an API key those that it began."""
        asked = parameters(request, ConversationFilterSerializer)
        own = api_reader(request).conversations()
        if "q" in asked:
            in_questions = Run.objects.filter(question__icontains=asked["q"], conversation__in=own).values(
                "conversation"
            )
            own = own.filter(Q(title__icontains=asked["q"]) | Q(pk__in=in_questions))
        if "pinned" in asked:
            own = own.filter(pinned=asked["pinned"] == "true")
        found, following = page_of(_counted(own), order=("-updated_at", "id"), asked=asked)
        return Response(ConversationsSerializer({"conversations": found, "next_cursor": following}).data)


class OneOfConversations(ConditionalView):
    permission_classes: Sequence[type[BasePermission]] = [HasName]

    @extend_schema(operation_id="conversations_retrieve", responses={200: ConversationSerializer, 404: ErrorSerializer})
    def get(self, request: Request, session_id: uuid.UUID) -> Response:
        """A conversation of yours."""
        return Response(ConversationSerializer(_own(request, session_id)).data)

    @extend_schema(
        request=ConversationChangeSerializer,
        responses={200: ConversationSerializer, **dict.fromkeys([400, 403, 404, 413, 415], ErrorSerializer)},
    )
    def patch(self, request: Request, session_id: uuid.UUID) -> Response:
        """Rename or pin a conversation; that is no use of it, so its time stays."""
        conversation = _own(request, session_id)
        asked = ConversationChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if asked.validated_data:
            Conversation.objects.filter(pk=conversation.pk).update(**asked.validated_data)
        return Response(ConversationSerializer(_own(request, session_id)).data)

    @extend_schema(responses={204: None, 403: ErrorSerializer, 404: ErrorSerializer})
    def delete(self, request: Request, session_id: uuid.UUID) -> Response:
        """Delete a conversation with its answers, the links to it and its files; what is being answered is stopped."""
        delete_conversation(_own(request, session_id))
        return Response(status=204)


class Messages(ConditionalView):
    permission_classes: Sequence[type[BasePermission]] = [HasName]

    @extend_schema(
        parameters=[MessagePageRequestSerializer],
        responses={200: MessagesSerializer, 400: ErrorSerializer, 404: ErrorSerializer},
    )
    def get(self, request: Request, session_id: uuid.UUID) -> Response:
        """The questions and answers of a conversation, as you may read them now."""
        asked = parameters(request, MessagePageRequestSerializer)
        conversation, reader = _own(request, session_id), api_reader(request)
        runs = conversation.runs.current().prefetch_related("citations")
        found, following = page_of(runs, order=("created_at", "id"), asked=asked)
        messages = [told(run, reader=reader) | {"question": run.question, "mode": run.mode} for run in found]
        body = {"session_id": conversation.pk, "messages": messages, "next_cursor": following}
        return Response(MessagesSerializer(body).data)


def _counted(conversations: Any) -> Any:
    return conversations.annotate(message_count=Count("runs", filter=Q(runs__replaced_by=None)))


def _own(request: Request, session_id: uuid.UUID) -> Any:
    """Raises AnswerError (404), for one of someone else as for one that is not there."""
    conversation = _counted(api_reader(request).conversations()).filter(pk=session_id).first()
    if conversation is None:
        raise errors.not_found("session_id", _("There is no conversation %s.") % session_id)
    return conversation
