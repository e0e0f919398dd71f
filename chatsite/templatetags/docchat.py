"""`{% load docchat %}{% docchat %}`: the chat on any page of the project."""

from __future__ import annotations

from urllib.parse import urlencode

from django import template
from django.template import TemplateSyntaxError
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from chatsite.widget.views import widget_options

register = template.Library()


@register.simple_tag
def docchat(**given: object) -> SafeString:
    """Render a button in a corner of the page; it opens the chat beside the page, or over it on a phone.

    Args:
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
    named = {name: options[name] for name in ("title", "accent", "collections") if options[name]}
    frame = reverse("chatsite:embed") + (f"?{urlencode(named)}" if named else "")
    return format_html(
        '<script src="{}" async data-docchat="{}" data-title="{}" data-accent="{}" data-side="{}" data-shortcut="{}"'
        ' data-ask="{}"></script>',
        static("chatsite/widget.js"),
        frame,
        options["title"] or _("Ask the documents"),
        options["accent"],
        options["side"],
        options["shortcut"],
        _("Ask about this"),
    )
