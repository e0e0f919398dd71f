"""The chat inside a project that has settings of its own: what those leave out comes from `chatsite.settings`."""

from __future__ import annotations

from django.conf import settings

# What the site as a project of its own says to other packages is no business of a host's.
NOT_OURS = ("BASE_DIR", "REST_FRAMEWORK", "SPECTACULAR_", "WHITENOISE_", "AXES_")


def fill_in() -> None:
    """Give the project's settings each setting of the chat that they do not have. A name they have is left alone.

    Raises ImproperlyConfigured, which names the variable, where one of them has a wrong value.
    """
    from chatsite import settings as own

    for name in dir(own):
        if name.isupper() and not name.startswith(NOT_OURS) and not hasattr(settings, name):
            setattr(settings, name, getattr(own, name))
    if not settings.MEDIA_ROOT:
        settings.MEDIA_ROOT = own.MEDIA_ROOT
    schema = {"DEFAULT_SCHEMA_CLASS": own.REST_FRAMEWORK["DEFAULT_SCHEMA_CLASS"]}  # extend_schema builds on the default
    settings.REST_FRAMEWORK = schema | getattr(settings, "REST_FRAMEWORK", {})
