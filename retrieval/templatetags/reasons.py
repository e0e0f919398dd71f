"""`{{ document.error|translated }}`: a reason in the reader's language."""

from __future__ import annotations

from django import template

from retrieval.reasons import translated

register = template.Library()
register.filter("translated", translated)
