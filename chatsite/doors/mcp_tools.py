"""The tools of the MCP door: what a program may do with its key, by the names that a model calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework import serializers

from chatsite import errors
from chatsite.answering.answer import Answer
from chatsite.api.fields import TextField, WholeNumberField, slugs_field
from chatsite.api.serializers import QuestionSerializer
from chatsite.asking.request import ask
from chatsite.asking.searching import search_as
from chatsite.assistants.finding import agents_of
from chatsite.doors.cited_text import sources
from chatsite.reader import Reader
from retrieval.texts import document_text

READ_MOST = 20_000  # characters of one call
COLLECTIONS_MOST = 500

_DIGITS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gives: a text for a model, and the same as values."""

    text: str
    values: Mapping[str, Any]
    failed: bool = False

    def body(self) -> dict[str, Any]:
        """Return it as the protocol has it."""
        content = [{"type": "text", "text": self.text}]
        return {"content": content, "structuredContent": dict(self.values), "isError": self.failed}


@dataclass(frozen=True, slots=True)
class CalledTool:
    """One call: whose it is, and the request that makes its addresses whole."""

    reader: Reader
    request: HttpRequest
    arguments: Mapping[str, Any]

    def absolute(self, address: str) -> str:
        """Return an address of this site as one that can be opened from anywhere."""
        return self.request.build_absolute_uri(address)


class SearchArguments(serializers.Serializer[Any]):
    query = TextField(
        max_length=settings.QUERY_MAX_CHARACTERS, help_text="A question or key words, in the language of the documents."
    )
    collections = slugs_field("Slugs of list_collections: search these only.")
    limit = WholeNumberField(min_value=1, max_value=10, default=5, help_text="How many passages.")


class AskArguments(serializers.Serializer[Any]):
    question = TextField(max_length=settings.QUERY_MAX_CHARACTERS, help_text="The question, in full.")
    collections = slugs_field("Slugs of list_collections: answer from these only.")
    agent = TextField(max_length=60, required=False, help_text="The agent to ask; a conversation stays with its own.")
    conversation = serializers.UUIDField(
        required=False, help_text="The conversation of an earlier answer, to follow it up."
    )


class ReadArguments(serializers.Serializer[Any]):
    document_id = WholeNumberField(min_value=1, max_value=_DIGITS, help_text="As a passage or a citation names it.")
    start = WholeNumberField(min_value=0, max_value=2**31 - 1, default=0, help_text="The first character.")
    length = WholeNumberField(min_value=1, max_value=READ_MOST, default=8_000, help_text="How many characters.")


class NoArguments(serializers.Serializer[Any]):
    pass


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool as it is listed, and what it does."""

    name: str
    description: str
    arguments: type[serializers.Serializer[Any]]
    call: Callable[[CalledTool], ToolResult]
    hints: Mapping[str, bool] = field(default_factory=lambda: {"readOnlyHint": True, "openWorldHint": False})

    def body(self) -> dict[str, Any]:
        """Return it as the protocol lists it."""
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": schema_of(self.arguments()),
            "annotations": dict(self.hints),
        }

    def checked(self, given: Any) -> Mapping[str, Any]:
        """Return the arguments of a call. Raises ValidationError, also for one that there isn't."""
        serializer = self.arguments(data={} if given is None else given)
        serializer.is_valid(raise_exception=True)
        if unknown := set(given or {}) - set(serializer.fields):
            raise serializers.ValidationError({str(min(unknown, key=str))[:60]: _("Is no argument of this tool.")})
        checked: Mapping[str, Any] = serializer.validated_data
        return checked


def schema_of(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments."""
    properties = {name: _schema(one) for name, one in serializer.fields.items()}
    required = [name for name, one in serializer.fields.items() if one.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _schema(one: Any) -> dict[str, Any]:
    described = {"description": str(one.help_text)} if one.help_text else {}
    match one:
        case serializers.ListField():
            return described | {"type": "array", "items": _schema(one.child), "minItems": 1, "maxItems": one.max_length}
        case WholeNumberField():
            default = {} if one.required else {"default": one.default}
            return described | {"type": "integer", "minimum": one.min_value, "maximum": one.max_value} | default
        case serializers.UUIDField():
            return described | {"type": "string", "format": "uuid"}
        case _:
            return described | {"type": "string", "minLength": 1, "maxLength": one.max_length}


# ---- what they do ----------------------------------------------------------------------------------------------------


def _list_collections(called: CalledTool) -> ToolResult:
    found = called.reader.collections().order_by("name", "pk").counting(called.reader.documents())
    rows = [
        {"slug": one.slug, "name": one.name, "description": one.description, "documents": vars(one)["document_count"]}
        for one in found[:COLLECTIONS_MOST]
    ]
    text = "\n".join(
        f"{row['slug']}: {row['name']}, {row['documents']} documents. {row['description']}".strip() for row in rows
    )
    return ToolResult(text or _("There are no collections that you may read."), {"collections": rows})


def _search(called: CalledTool) -> ToolResult:
    found = search_as(called.reader, called.arguments)
    rows = [
        {
            "document_id": passage.document_id,
            "title": passage.title,
            "section": passage.section,
            "page": passage.page,
            "start": passage.start,
            "end": passage.end,
            "text": passage.text,
            "score": passage.score,
            "url": called.absolute(called.reader.link(passage.document_id or 0, start=passage.start, end=passage.end)),
        }
        for passage in found.passages
    ]
    heading = "{section} (document {document_id}, characters {start} to {end}):"
    text = "\n\n".join(f"{heading.format(**row)}\n{row['text']}" for row in rows)
    return ToolResult(text or _("Nothing was found."), {"passages": rows, "answers": found.answers})


def _read_document(called: CalledTool) -> ToolResult:
    given = called.arguments
    document = called.reader.documents().readable().filter(pk=given["document_id"]).first()
    if document is None:
        raise errors.not_found("document_id", _("There is no document %d.") % given["document_id"])
    start, end = given["start"], min(given["start"] + given["length"], document.characters)
    text = document_text(document, start=start, end=end) if start < end else ""
    values = {
        "document_id": document.pk,
        "title": document.title,
        "characters": document.characters,
        "start": start,
        "end": start + len(text),
        "next_start": end if end < document.characters else None,
        "text": text,
        "url": called.absolute(called.reader.link(document.pk, start=start, end=start)),
    }
    return ToolResult(text or _("There is no text from there on."), values)


def begun_answer(called: CalledTool) -> Answer:
    """Return the answer to the question of a call of `ask`. Raises AnswerError and ValidationError."""
    given = called.arguments
    asked: dict[str, Any] = {"query": given["question"]}
    if "collections" in given:
        asked["collections"] = given["collections"]
    if "agent" in given:
        asked["agent"] = given["agent"]
    if "conversation" in given:
        asked["session_id"] = str(given["conversation"])
    serializer = QuestionSerializer(data=asked)
    serializer.is_valid(raise_exception=True)
    return ask(called.reader, serializer.validated_data, asks=False)


def answer_result(called: CalledTool, body: Mapping[str, Any]) -> ToolResult:
    """Return an answer (the API's 200 body) as what `ask` gives."""
    citations = [
        {name: citation[name] for name in ("marker", "title", "page", "quote")}
        | {
            "document_id": body["sources"][citation["source"]]["document_id"],
            "url": called.absolute(citation["url"]) if citation["url"] else None,
        }
        for citation in body["citations"]
    ]
    values = {
        "answer": body["answer"],
        "answered": body["answered"],
        "citations": citations,
        "conversation": body["session_id"],
    }
    return ToolResult(body["answer"] + sources(body, called.absolute), values)


def _ask(called: CalledTool) -> ToolResult:
    return answer_result(called, begun_answer(called).whole())


def listed_tools(reader: Reader) -> list[dict[str, Any]]:
    """Return the tools as the protocol lists them to `reader`: `ask` names the agents there are, which is nothing where
    there are none."""
    listed = [tool.body() for tool in TOOLS.values()]
    for body in listed:
        if body["name"] == ASK:
            properties = body["inputSchema"]["properties"]
            known = agents_of(reader)
            if not known:
                del properties["agent"]
                continue
            said = "; ".join(f"{one.name}: {one.title}. {one.description}".strip() for one in known)
            properties["agent"] |= {"enum": [one.name for one in known]}
            properties["agent"]["description"] += f" {said}"
    return listed


ASK = "ask"
TOOLS = {
    tool.name: tool
    for tool in (
        OfferedTool(
            "search",
            "Find passages of this site's documents. Each names its document, where in it it stands, and the address "
            "that opens it.",
            SearchArguments,
            _search,
        ),
        OfferedTool(
            ASK,
            "Ask this site's documents a question. The answer cites the sentences it rests on, each with an address "
            "that opens it; where nothing answers, it says so.",
            AskArguments,
            _ask,
            {"readOnlyHint": False, "destructiveHint": False, "openWorldHint": False},  # it is kept in a conversation
        ),
        OfferedTool(
            "read_document",
            f"Read a document's text, up to {READ_MOST:,} characters at once; next_start says where to go on.",
            ReadArguments,
            _read_document,
        ),
        OfferedTool(
            "list_collections", "List the collections of documents that can be asked.", NoArguments, _list_collections
        ),
    )
}
