"""`{% load docchat %}{% docchat %}`: the chat on any page of the project; `{% docchat_admin %}` in its admin."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.template import Context, TemplateSyntaxError
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from chatsite.assistants.agent import AskedAgent
from chatsite.assistants.finding import THE_SITE, known_agents, may_ask_agent
from chatsite.widget.views import widget_options

logger = logging.getLogger(__name__)
register = template.Library()


@register.simple_tag(takes_context=True)
def docchat(context: Context, **given: object) -> SafeString:
    """Render a button in a corner of the page; it opens the chat beside the page, or over it on a phone.

    Args:
        context: of the page; its `request` says who looks.
        agent: the name of the agent to ask; nothing is rendered for who may not ask it.
        title: above the chat and on the button.
        accent: the colour of both, like #0b6a58.
        collections: slugs, divided by spaces; only these are searched.
        side: `end` (right, where text runs from left to right) or `start`.
        shortcut: `off` leaves Ctrl+I and Cmd+I to the page.
    """
    try:
        # A template's own words are safe HTML to Django, and plain text to this: adding "" makes them that.
        options = widget_options(**{name: str(value) + "" for name, value in given.items()})
    except ValueError as error:
        raise TemplateSyntaxError(str(error)) from error
    agent = _agent(context, options["agent"])
    if agent is None:
        return SafeString("")
    return _button(options, frame=reverse("chatsite:embed"), title=agent.title)


@register.simple_tag(takes_context=True)
def docchat_admin(context: Context) -> SafeString:
    """Render the button on a page of the admin, for who may enter it; nothing on its sign-in page and in its pop-ups,
    where ADMIN_ASSISTANT is off, or where the project has not the chat's addresses."""
    if not settings.ADMIN_ASSISTANT or not context.get("has_permission") or context.get("is_popup"):
        return SafeString("")
    try:
        frame = reverse("chatsite:staff")
    except NoReverseMatch:
        return SafeString("")
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    site = getattr(request, "current_app", None) or (match.namespace if match else "")
    style = format_html('<link rel="stylesheet" href="{}">', static("chatsite/admin.css"))
    return format_html("{}{}", style, _button(widget_options(), frame=frame, site=site))


def _button(options: dict[str, str], *, frame: str, title: str = "", **more: str) -> SafeString:
    named = more | {name: options[name] for name in ("title", "accent", "collections", "agent") if options[name]}
    address = f"{frame}?{urlencode(named)}" if named else frame
    return format_html(
        '<script src="{}" async data-docchat="{}" data-title="{}" data-accent="{}" data-side="{}" data-shortcut="{}"'
        ' data-ask="{}"></script>',
        static("chatsite/widget.js"),
        address,
        options["title"] or title or _("Ask the documents"),
        options["accent"],
        options["side"],
        options["shortcut"],
        _("Ask about this"),
    )


def _agent(context: Context, name: str) -> AskedAgent | None:
    """Return the agent of this name, or the site itself without one; None for who may not ask it. One that there isn't
    is logged: staff may take an agent away, which must break no page."""
    if not name:
        return THE_SITE
    agent = known_agents(name).get(name)
    if agent is None:
        logger.warning("docchat: there is no agent %r, so its button is on no page", name[:60])
        return None
    user = getattr(context.get("request"), "user", AnonymousUser())
    return agent if may_ask_agent(user, agent) else None
