"""System checks: what is misconfigured is named at start-up, before a reader meets it."""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, register
from django.utils.module_loading import import_string

from chatsite import conf
from retrieval.embedding.embedders import LOCAL
from retrieval.embedding.fastembed import PREFIX


@register("agents")
def check_threads(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Agents need real threads."""
    # Only here: mypy's Django plugin starts the site with site-packages first, and openai-agents is `agents` there.
    from agents.loop import NO_GREEN_THREADS, green_threads

    library = green_threads()
    return [checks.Error(NO_GREEN_THREADS.format(library), id="chatsite.E001")] if library else []


_MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
_CONTEXT = ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth"]


@register("agents")
def check_parts(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Return an error for each part of Django that the chat's pages need and the project has left out, and a warning
    when there is no admin, without which they work."""
    classes = [part for part in map(import_string, settings.MIDDLEWARE) if isinstance(part, type)]
    found: list[CheckMessage] = [
        checks.Error(f"The chat needs {path}.", hint="Add it to MIDDLEWARE.", id="chatsite.E004")
        for path in _MIDDLEWARE
        if not any(issubclass(part, import_string(path)) for part in classes)
    ]
    engines: list[dict[str, Any]] = settings.TEMPLATES
    processors = {path for engine in engines for path in engine.get("OPTIONS", {}).get("context_processors", ())}
    hint = "Add it to the context_processors of TEMPLATES."
    found += [
        checks.Error(f"The chat needs {path}.", hint=hint, id="chatsite.E005")
        for path in _CONTEXT
        if path not in processors
    ]
    return found + [
        checks.Warning(f"{app} is not installed: {lost}", hint=_ADD_APP, id="chatsite.W007")
        for app, lost in _WITHOUT.items()
        if not apps.is_installed(app)
    ]


_ADD_APP = "Add it to INSTALLED_APPS, or silence this check (SILENCED_SYSTEM_CHECKS)."
_WITHOUT = {
    "django.contrib.admin": (
        "nobody can put documents in, or choose who reads them, in a browser. “manage.py sync” can, and code of the "
        "project's own."
    ),
    "django.contrib.staticfiles": "styles and scripts of the chat are served only where the project does it itself.",
}


@register("agents")
def check_agents(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Name another distribution that has installed files into our package `agents`."""
    from agents import foreign  # only here: see above

    others = foreign.intruders() if foreign.strangers() else []
    return [checks.Error(foreign.mixture(others), id="chatsite.E006")] if others else []


@register("security")
def check_debug(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Debug pages show settings and code to whoever meets an error."""
    others = [host for host in settings.ALLOWED_HOSTS if not _is_loopback(host)]
    if not (settings.DEBUG and others):
        return []
    fault = f"DEBUG is on, and ALLOWED_HOSTS lets others see its pages: {', '.join(others)}."
    return [checks.Warning(fault, hint="Turn DEBUG off, or leave ALLOWED_HOSTS out.", id="chatsite.W001")]


@register("agents")
def check_unused(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """A setting that says something, of an address that isn't set, is a mistake: the address was forgotten."""
    pairs = [("EMBEDDING_MODEL", "EMBEDDING_BASE_URL"), ("QDRANT_API_KEY", "QDRANT_URL")]
    return [
        checks.Warning(
            f"{name} is set, but without {address} nothing uses it.", hint=f"Set {address}.", id="chatsite.W002"
        )
        for name, address in pairs
        if getattr(settings, name) and not getattr(settings, address)
        if getattr(settings, name) not in LOCAL and not getattr(settings, name).startswith(PREFIX)  # those run here
    ]


@register("agents")
def check_share(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Nobody gets more than half of a process, whatever the setting says."""
    half = max(1, settings.RUNS_PER_PROCESS // 2)
    if half >= settings.RUNS_PER_USER:
        return []
    fault = f"RUNS_PER_USER ({settings.RUNS_PER_USER}) is more than one reader gets of a process: {half}, half of it."
    return [checks.Warning(fault, hint="Set it lower, or raise RUNS_PER_PROCESS.", id="chatsite.W006")]


@register("security", deploy=True)
def check_quota(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Readers store files as well as staff."""
    if not settings.ATTACHMENTS or settings.USER_QUOTA_BYTES or settings.ATTACHMENTS_QUOTA_BYTES:
        return []
    fault = "Every signed-in reader may attach files (ATTACHMENTS), and nothing limits how much one stores."
    return [checks.Info(fault, hint="Set ATTACHMENTS_QUOTA_BYTES, or ATTACHMENTS to 0.", id="chatsite.I001")]


@register("security", deploy=True)
def check_data_dir(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """All documents and conversations are in DATA_DIR; a folder that was there before keeps its permissions."""
    folder = settings.DATA_DIR
    if not folder.is_dir() or not (mode := stat.S_IMODE(folder.stat().st_mode)) & 0o077:
        return []
    fault = f"Others on this machine can look into DATA_DIR, {folder} (mode {mode:o})."
    return [checks.Warning(fault, hint=f"chmod 700 {folder}", id="chatsite.W008")]


@register("security")
def check_keys(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """A key sent over plain HTTP can be read by every machine on its way."""
    sent = [
        ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
        ("OPENAI_API_KEY", "EMBEDDING_BASE_URL"),
        ("QDRANT_API_KEY", "QDRANT_URL"),
    ]
    return [
        checks.Warning(
            f"{key} is sent to {address} over plain HTTP.", hint=f"Use https in {address}.", id="chatsite.W003"
        )
        for key, address in sent
        if getattr(settings, key) and _leaves_in_clear(getattr(settings, address))
    ]


@register("agents")
def check_docchat(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Return an error for each key of DOCCHAT that nothing reads, and for a wrong option of its button."""
    from chatsite.widget.views import (
        BUTTON,
        widget_options,
    )  # its models are not there yet when this module is imported

    said = getattr(settings, "DOCCHAT", {})
    found: list[CheckMessage] = [
        checks.Error(
            f"DOCCHAT has {key!r}, which nothing reads.",
            hint=f"Did you mean {nearest!r}?" if nearest else "Leave it out.",
            id="chatsite.E003",
        )
        for key, nearest in conf.misspelt(said, options=BUTTON).items()
    ]
    try:
        widget_options()
    except ValueError as error:
        found.append(checks.Error(f"DOCCHAT is wrong: {error}", id="chatsite.E002"))
    return found


@register("agents")
def check_workflow_registry(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """WORKFLOW_REGISTRY names a Registry, or a function that makes one for a user."""
    from agents import Registry  # only here: see check_threads

    path = settings.WORKFLOW_REGISTRY
    if not path:
        return []
    try:
        named = import_string(path)
    except ImportError as error:
        return [checks.Error(f"WORKFLOW_REGISTRY: {error}", id="chatsite.E007")]
    if isinstance(named, Registry) or callable(named):
        return []
    hint = "Name a Registry of agents, or a function of a user that makes one."
    return [checks.Error(f"WORKFLOW_REGISTRY: {path} is neither.", hint=hint, id="chatsite.E007")]


@register("agents")
def check_tools(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Return an error for each tool of the host that can't be offered, and a warning for what is missing of one, and
    where no language model could ask any."""
    from chatsite.tools.declaring import registry  # only here: see check_threads

    found = registry()
    messages: list[CheckMessage] = [
        checks.Error(fault.message, hint=fault.hint, id="chatsite.E012")
        if fault.leaves_out
        else checks.Warning(fault.message, hint=fault.hint, id="chatsite.W009")
        for fault in found.faults
    ]
    if found.tools and not conf.chat_models():
        fault = f"No language model is configured, so no tool is asked: {', '.join(found.tools)}."
        hint = "Set OPENAI_API_KEY or OPENAI_BASE_URL: the model that quotes asks for nothing."
        messages.append(checks.Warning(fault, hint=hint, id="chatsite.W010"))
    return messages


@register("database")
def check_write_lock(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Without it SQLite lets two transactions read that both go on to write, and refuses one of them."""
    from django.db import connection

    if connection.vendor != "sqlite" or connection.settings_dict["OPTIONS"].get("transaction_mode") == "IMMEDIATE":
        return []
    hint = 'Give DATABASES "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20}.'
    return [checks.Warning("SQLite will be locked while readers ask.", hint=hint, id="chatsite.W005")]


def _leaves_in_clear(address: str) -> bool:
    """Beyond this machine and its own network, where plain HTTP between containers is usual."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme != "http" or _is_loopback(host):
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal"))


def _is_loopback(host: str) -> bool:
    host = host.strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
