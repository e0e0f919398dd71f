"""The chat inside other pages: the frame that `{% docchat %}` and `embed.js` open, and what only a frame asks for.

A frame, not elements of the host's page: neither its styles nor its scripts reach what is asked, answered or signed
in with, and ours don't reach its. Which pages may show a frame, its Content-Security-Policy says.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from chatsite.answering import language_models
from chatsite.asking.documents import choosable
from chatsite.assistants.agent import AskedAgent
from chatsite.assistants.finding import find_agent
from chatsite.assistants.shown import ShownAgent
from chatsite.conversations import transcript
from chatsite.conversations.chat_views import composing, limits, part_of
from chatsite.documents.text import passage_blocks
from chatsite.errors import AnswerError
from chatsite.middleware import CONTENT_SECURITY_POLICY
from chatsite.models import Conversation, ConversationQuerySet, EmbedSite, Run
from chatsite.reader import Reader, Visitor, reader_of, visitor_of

COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")
SCRIPT_SECONDS = 3600
BUTTON = {
    "title": "",
    "accent": "",
    "collections": "",
    "agent": "",
    "side": "end",
    "shortcut": "on",
}  # its options and defaults
NO_ID = "00000000-0000-0000-0000-000000000000"


@require_safe
@xframe_options_exempt
@ensure_csrf_cookie
def frame(request: HttpRequest) -> HttpResponse:
    """Show the chat for a page of the same project: its reader's own, by the session they have there."""
    page = frame_page(request, reader_of(request))
    return framed_by(render(request, "chatsite/embed.html", page), "'self'")


def frame_page(request: HttpRequest, reader: Reader) -> dict[str, Any]:
    """Return what the frame of a page of the same project shows its reader."""
    agent = _agent(request, reader)
    shown = ShownAgent(reader, agent)
    conversation = _conversation(request, reader.conversations().filter(agent=agent.name))
    slugs = request.GET.get("collections", "").split()
    collections = shown.collections()
    chosen = list((collections.filter(slug__in=slugs) if slugs else collections).order_by("name"))
    documents = choosable(reader).filter(collection__in=chosen)
    narrowed = slugs or agent.collections is not None
    return _page(request, title=request.GET.get("title", "") or agent.title, accent=request.GET.get("accent", "")) | {
        "conversation": conversation,
        **_part(request, conversation, reader),
        "agent": agent,
        "starters": agent.starters if not conversation and reader.may_ask() else (),
        "may_ask": reader.may_ask(),
        "run_url": reverse("chatsite:run", args=[NO_ID]),
        "conversation_url": f"{request.path}?{_query(request)}conversation={NO_ID}",
        "new_url": f"{request.path}?{_query(request)}new=1",
        "host_page": _path(request.GET.get("page", "")),
        "parent_origin": f"{request.scheme}://{request.get_host()}",
        **composing(reader, conversation, documents),
        **shown.composing(),
        "only_collections": " ".join(collection.slug for collection in chosen) if narrowed else "",
    }


@require_safe
@xframe_options_exempt
def token_frame(request: HttpRequest, token: str) -> HttpResponse:
    """Show the chat for a page of another origin. It knows no cookie and sets none: the token in its address asks."""
    visitor = _visitor(token)
    site = visitor.site
    agent = _agent(request, visitor)
    conversation = _conversation(request, visitor.conversations().filter(agent=agent.name))
    origin = request.GET.get("origin", "").lower()
    page = _page(request, title=site.title or agent.title, accent=site.accent) | {
        "conversation": conversation,
        "agent": agent,
        "starters": () if conversation else agent.starters,
        **_part(request, conversation, visitor),
        "may_ask": True,
        "can_ask": (has_documents := visitor.documents().readable().exists()),
        "has_documents": has_documents,
        "token": site.token,
        "run_url": reverse("chatsite:embed-run", args=[site.token, NO_ID]),
        "conversation_url": f"{request.path}?{_query(request)}conversation={NO_ID}",
        "new_url": f"{request.path}?{_query(request)}new=1",
        "parent_origin": origin if origin in site.origin_list else "",
    }
    response = HttpResponse(render_to_string("chatsite/embed.html", page))
    return framed_by(response, " ".join(site.origin_list))


@require_safe
def token_run(request: HttpRequest, token: str, run_id: uuid.UUID) -> HttpResponse:
    """Show one question and its answer, for the frame it was asked in."""
    visitor = _visitor(token)
    runs = (
        Run.objects.filter(pk=run_id, conversation__in=visitor.conversations())
        .select_related("feedback")
        .prefetch_related("citations")
    )
    views = transcript.run_views(runs, reader=visitor)
    if not views:
        raise Http404
    return HttpResponse(render_to_string("chatsite/fragments/run.html", {"run": views[0], "token": visitor.site.token}))


@require_safe
def token_passage(request: HttpRequest, token: str, passage: str) -> HttpResponse:
    """Show a passage that an answer cites, as its signed address names it; nothing around it can be turned to."""
    visitor = _visitor(token)
    opened = visitor.opened(passage)
    document = visitor.documents().readable().filter(pk=opened[0]).first() if opened else None
    if opened is None or document is None:
        raise Http404
    marked = [int(value) if (value := request.GET.get(edge, "")).isdecimal() else 0 for edge in ("start", "end")]
    blocks = passage_blocks(document, start=opened[1], end=opened[2], marked=(marked[0], marked[1]))
    page = {"document": document, "blocks": blocks, "previous_url": None, "next_url": None}
    template = "chatsite/fragments/document.html" if request.headers.get("X-Fragment") else "chatsite/passage.html"
    return HttpResponse(render_to_string(template, page))


@require_safe
def script(request: HttpRequest) -> HttpResponse:
    """`embed.js`, at an address that stays the same whatever serves the static files."""
    path = finders.find("chatsite/widget.js")
    if not isinstance(path, str):
        raise Http404
    response = HttpResponse(Path(path).read_bytes(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={SCRIPT_SECONDS}"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _agent(request: HttpRequest, reader: Reader) -> AskedAgent:
    """Return the agent that the frame was opened for; by default the site itself."""
    try:
        return find_agent(reader, request.GET.get("agent", ""))
    except AnswerError as error:
        raise Http404 from error


def _visitor(token: str) -> Visitor:
    site = EmbedSite.find(token)
    if site is None:
        raise Http404
    return visitor_of(site)


def _conversation(request: HttpRequest, own: ConversationQuerySet) -> Conversation | None:
    """Return the one that is continued. One that has gone, or is someone else's, is none: the frame begins anew."""
    try:
        wanted = uuid.UUID(request.GET.get("conversation", ""))
    except ValueError:
        return None
    return own.filter(pk=wanted).first()


def _part(request: HttpRequest, conversation: Conversation | None, reader: Reader) -> dict[str, Any]:
    """Return the part of the conversation that is shown, and the addresses of those around it."""
    part = part_of(conversation, before=request.GET.get("before", ""))
    here = f"{request.path}?{_query(request)}conversation={conversation.pk if conversation else NO_ID}"
    return {
        "runs": transcript.run_views(part.runs, reader=reader, suggests=part.is_latest),
        "earlier_url": f"{here}&before={part.before}" if part.before else "",
        "latest_url": "" if part.is_latest else here,
    }


def _page(request: HttpRequest, *, title: str, accent: str) -> dict[str, Any]:
    return {
        "title": title[:60] or _("Ask the documents"),
        "accent": accent if COLOUR.match(accent) else "",
        "model_name": language_models.model_name(),
        "model_configured": language_models.model_configured(),
        "limits": limits(),
        "collections": (),
        "query_url": reverse("chatsite:api-chat-query"),
        "framed": True,
        "no_id": NO_ID,
    }


def _query(request: HttpRequest) -> str:
    """Return what the frame was opened with, for its next address."""
    kept = request.GET.copy()
    for name in ("conversation", "new", "before"):
        kept.pop(name, None)
    return f"{kept.urlencode()}&" if kept else ""


def _path(value: str) -> str:
    """Return the host's page that the frame stands in, to come back to after signing in; never an address elsewhere."""
    parts = urlsplit(value)
    return value if value.startswith("/") and not parts.netloc and not parts.scheme and "\\" not in value else "/"


def framed_by(response: HttpResponse, ancestors: str) -> HttpResponse:
    """Return the response with a policy that lets pages of these origins show it in a frame, and nobody else's."""
    policy = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {ancestors}")
    response["Content-Security-Policy"] = policy
    response["Cache-Control"] = "no-store"
    return response


def widget_options(**given: str) -> dict[str, str]:
    """Return the options of `{% docchat %}`: what the tag says, else what the project's DOCCHAT setting says.

    Raises ValueError, which names the option, the fault and the fix.
    """
    said = getattr(settings, "DOCCHAT", {})  # which has other keys as well, see conf.py
    options = BUTTON | {name: said[name] for name in BUTTON if name in said} | given
    if unknown := sorted(set(options) - set(BUTTON)):
        raise ValueError(f"docchat has no option {unknown[0]}; it takes {', '.join(BUTTON)}.")
    if options["accent"] and not COLOUR.match(options["accent"]):
        raise ValueError(f"docchat: accent is {options['accent']!r}; write it like #0b6a58.")
    for name, choices in (("side", ("start", "end")), ("shortcut", ("on", "off"))):
        if options[name] not in choices:
            raise ValueError(f"docchat: {name} is {options[name]!r}; write {' or '.join(choices)}.")
    return options
