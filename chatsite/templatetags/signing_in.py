"""Where the project's own pages for signing in and out are."""

from django import template
from django.conf import settings
from django.shortcuts import resolve_url

register = template.Library()


@register.simple_tag
def sign_in_url() -> str:
    """Return the project's LOGIN_URL as an address."""
    return resolve_url(settings.LOGIN_URL)
