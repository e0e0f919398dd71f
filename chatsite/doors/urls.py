"""The doors that other programs speak through: OpenAI's protocol, the Model Context Protocol, `llms.txt`."""

from django.urls import URLPattern

from chatsite.doors.chat_completions import ChatCompletions
from chatsite.doors.embeddings import Embeddings
from chatsite.doors.llms import document_markdown, llms_txt
from chatsite.doors.mcp_door import McpDoor
from chatsite.doors.models import Models, NoSuchDoor, OneModel
from chatsite.doors.responses import Responses
from chatsite.routing import path

urlpatterns: list[URLPattern] = [
    path("v1/models", Models.as_view(), name="openai-models"),
    path("v1/models/<path:model>", OneModel.as_view(), name="openai-model"),
    path("v1/chat/completions", ChatCompletions.as_view(), name="openai-chat-completions"),
    path("v1/responses", Responses.as_view(), name="openai-responses"),
    path("v1/embeddings", Embeddings.as_view(), name="openai-embeddings"),
    path("v1/<path:rest>", NoSuchDoor.as_view(), name="openai-nothing"),
    path("mcp", McpDoor.as_view(), name="mcp"),
    path("llms.txt", llms_txt, name="llms-txt"),
    path("documents/<int:document_id>/document.md", document_markdown, name="document-markdown"),
]
