"""What the chat needs to know, whatever project it is part of. One line for each setting.

A value comes from the first of these that has one: the project's `DOCCHAT = {"CHAT_MODEL": "qwen3"}`, a Django setting
of the same name, the environment variable of the same name, the default. A line with `None` has no variable.
What the site needs as a project of its own (PORT, DATABASE_URL, ...) is in `settings.py`, which no other project reads.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from django.conf import settings as _active
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, ValidationError, validate

from retrieval.searching.confidence import ANSWERS

Value = TypeVar("Value")

# The settings of another project are in place when its apps are loaded; the site's own are just being written.
_PROJECT = _active if _active.configured else None
_SAID: Mapping[str, Any] = getattr(_PROJECT, "DOCCHAT", {})


class _Known(NamedTuple):
    """What a value of `DOCCHAT` must be."""

    kind: type
    validate: Callable[[Any], None] | None


known: dict[str, _Known] = {}
# Of DOCCHAT alone: other apps have settings of these names.
ONLY_SAID = ("AGENTS", "TOOLS", "BEFORE_ANSWER", "AFTER_ANSWER")
_env = Env(eager=False)
EXTRACTIVE = "extractive"  # the model that only quotes, as CHAT_MODEL and as an answer's `model`


def address(value: str) -> None:
    """Raise ValidationError unless `value` is empty or an http(s) address with a host."""
    if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
        raise ValidationError("must be an address like https://host:port/path")


def host_names(value: Iterable[str]) -> None:
    """Raise ValidationError unless all are names of hosts, each with or without a port."""
    for entry in value:
        host, _, port = entry.rpartition(":") if entry.rpartition(":")[2].isdecimal() else (entry, "", "")
        if not host or set(host) & set("/@ ,") or (port and int(port) > 65_535):
            raise ValidationError("must be host names like wiki.example.org or wiki.example.org:8080")


def networks(value: Iterable[str]) -> None:
    """Raise ValidationError unless all are addresses of machines or networks."""
    for entry in value:
        try:
            ipaddress.ip_network(entry.strip())
        except ValueError as error:
            raise ValidationError("must be addresses like 192.0.2.7 or networks like 10.0.0.0/8") from error


def json_object(value: Any) -> None:
    """Raise ValidationError unless `value` is a JSON object."""
    if not isinstance(value, dict):
        raise ValidationError('must be a JSON object like {"top_k": 20}')


def seconds(value: float) -> None:
    """Raise ValidationError unless `value` is from 1 to a day's seconds."""
    if not 1 <= value <= 86_400:
        raise ValidationError("must be from 1 to 86400 seconds")


def setting(
    variable: Callable[..., Value] | None,
    name: str,
    default: Value,
    validate: Callable[[Any], None] | None = None,
    kind: type | None = None,
) -> Value:
    """Return the value of a setting: the project's, else what `variable` reads from the environment, else `default`.

    `kind` is that of the value, where the default, None, does not tell. A wrong value in the environment is found by
    `seal`. Raises ImproperlyConfigured for a wrong one in `DOCCHAT`.
    """
    known[name] = _Known(kind or (Path if isinstance(default, Path) else type(default)), validate)
    if name in _SAID:
        return _checked(name, _SAID[name])  # type: ignore[no-any-return]
    if hasattr(_PROJECT, name):
        return getattr(_PROJECT, name)  # type: ignore[no-any-return]
    return variable(name, default, validate=validate) if variable else default


def _checked(name: str, value: Any) -> Any:
    """Return what `DOCCHAT` says of a setting, as the kind that it has. Raises ImproperlyConfigured with its name."""
    kind, check = known[name]
    accepted = {Path: (Path, str), list: (list, tuple), float: (float, int)}.get(kind, (kind,))
    try:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise ValidationError(f"must be {kind.__name__}, not {value!r}")
        value = kind(value)
        if check:
            check(value)
    except ValidationError as error:
        raise ImproperlyConfigured(f'DOCCHAT["{name}"]: {" ".join(map(str, error.messages))}') from error
    return value


# ---- folders ---------------------------------------------------------------------------------------------------------
_CHECKOUT = Path(__file__).resolve().parent.parent
BASE_DIR = Path(getattr(_PROJECT, "BASE_DIR", _CHECKOUT if (_CHECKOUT / "manage.py").is_file() else Path.cwd()))
DATA_DIR = Path(setting(_env.path, "DATA_DIR", BASE_DIR / ".data")).expanduser().resolve()
_FOLDERS = {"INDEX_DIR": "index", "MODEL_DIR": "models", "PAGES_DIR": "pages"}  # each in DATA_DIR, unless a project
INDEX_DIR: Path  # says otherwise: `fill_in` knows
MODEL_DIR: Path
PAGES_DIR: Path

# ---- the language model, the embedding and the index -----------------------------------------------------------------
OPENAI_API_KEY = setting(_env.str, "OPENAI_API_KEY", "")
OPENAI_BASE_URL = setting(_env.str, "OPENAI_BASE_URL", "", address)
CHAT_MODEL = setting(_env.str, "CHAT_MODEL", "gpt-4.1-mini")
CHAT_MODELS = setting(_env.list, "CHAT_MODELS", list[str]())  # instead of CHAT_MODEL: each behind the one before it
CHAT_TEMPERATURE = setting(_env.float, "CHAT_TEMPERATURE", None, validate.Range(min=0, max=2), kind=float)
CHAT_MAX_TOKENS = setting(_env.int, "CHAT_MAX_TOKENS", 1_500, validate.Range(min=16))  # of visible text
CHAT_REASONING = setting(
    _env.str, "CHAT_REASONING", "", validate.OneOf(["", "none", "minimal", "low", "medium", "high", "xhigh"])
)
CHAT_EXTRA_BODY = setting(_env.json, "CHAT_EXTRA_BODY", dict[str, Any](), json_object)  # type: ignore[arg-type]
CHAT_WINDOW_TOKENS = setting(_env.int, "CHAT_WINDOW_TOKENS", 0, validate.Range(min=0))  # 0: learned from refusals
CHAT_FIRST_TOKEN_SECONDS = setting(_env.float, "CHAT_FIRST_TOKEN_SECONDS", 120.0, seconds)
CHAT_TOTAL_SECONDS = setting(_env.float, "CHAT_TOTAL_SECONDS", 300.0, seconds)
CHAT_PARALLEL = setting(_env.int, "CHAT_PARALLEL", 0, validate.Range(min=0))  # of a process; 0: as many as there are
FREE_CHAT = setting(_env.bool, "FREE_CHAT", False)  # what a model writes without a citation counts as an answer
USE_MOCK_EXECUTION = setting(_env.bool, "USE_MOCK_EXECUTION", False)  # no language model is asked, as by `agents`
EMBEDDING_BASE_URL = setting(_env.str, "EMBEDDING_BASE_URL", "", address)
EMBEDDING_MODEL = setting(_env.str, "EMBEDDING_MODEL", "")
RERANK = setting(_env.str, "RERANK", "", validate.OneOf(["", "maxsim", "reader"]))
ANSWER_CONFIDENCE = setting(_env.float, "ANSWER_CONFIDENCE", ANSWERS, validate.Range(min=0.01, max=0.99))
QDRANT_URL = setting(_env.str, "QDRANT_URL", "", address)
QDRANT_API_KEY = setting(_env.str, "QDRANT_API_KEY", "")
QDRANT_SHARDS = setting(_env.int, "QDRANT_SHARDS", 1, validate.Range(min=1, max=256))
QDRANT_REPLICAS = setting(_env.int, "QDRANT_REPLICAS", 1, validate.Range(min=1, max=16))
QDRANT_QUANTIZATION = setting(_env.bool, "QDRANT_QUANTIZATION", False)
WORKFLOW_REGISTRY = setting(_env.str, "WORKFLOW_REGISTRY", "")  # a Registry, or a function of a user that makes one
TOOL_SECONDS = setting(_env.float, "TOOL_SECONDS", 10.0, seconds)  # that a tool of the host may take
TOOL_APPROVAL_SECONDS = setting(_env.float, "TOOL_APPROVAL_SECONDS", 900.0, seconds)  # that its reader has to confirm
WORKFLOW_WAITING_DAYS = setting(_env.int, "WORKFLOW_WAITING_DAYS", 90, validate.Range(min=0))  # for a person; 0: ever
INGEST_TASK = setting(_env.str, "INGEST_TASK", "")  # a task of the project's own queue, asked for when documents wait
SITE_INGESTS = setting(_env.bool, "SITE_INGESTS", not QDRANT_URL)

# ---- who may do what, and how much of it -----------------------------------------------------------------------------
ANONYMOUS_CHAT = setting(_env.bool, "ANONYMOUS_CHAT", False)
TRUSTED_PROXIES = setting(_env.list, "TRUSTED_PROXIES", list[str](), networks)  # whose X-Forwarded-For is believed
ONLY_COLLECTIONS = setting(_env.list, "ONLY_COLLECTIONS", list[str]())  # slugs; of one site among several
ADMIN_ASSISTANT = setting(_env.bool, "ADMIN_ASSISTANT", True)  # on every page of the admin
FETCH_HOSTS = setting(_env.list, "FETCH_HOSTS", list[str](), host_names)
SOURCES = setting(_env.list, "SOURCES", list[str]())  # classes of one's own that documents come from
SOURCE_STORAGES = setting(_env.list, "SOURCE_STORAGES", list[str]())  # aliases of STORAGES that staff may take from
SOURCE_TOKENS = setting(_env.json, "SOURCE_TOKENS", dict[str, Any](), json_object)  # type: ignore[arg-type]
USER_QUOTA_BYTES = setting(_env.int, "USER_QUOTA_BYTES", 0, validate.Range(min=0))
ATTACHMENTS = setting(_env.int, "ATTACHMENTS", 10, validate.Range(min=0, max=1000))
ATTACHMENTS_QUOTA_BYTES = setting(_env.int, "ATTACHMENTS_QUOTA_BYTES", 500_000_000, validate.Range(min=0))
RUNS_PER_USER = setting(_env.int, "RUNS_PER_USER", 4, validate.Range(min=1))
RUNS_PER_ADDRESS = setting(_env.int, "RUNS_PER_ADDRESS", 16, validate.Range(min=1))  # of readers without an account
RUNS_PER_PROCESS = setting(_env.int, "RUNS_PER_PROCESS", 64, validate.Range(min=1))
QUERY_MAX_CHARACTERS = setting(None, "QUERY_MAX_CHARACTERS", 4_000)
SELECTION_MAX_CHARACTERS = setting(None, "SELECTION_MAX_CHARACTERS", 20_000)  # of all selections of a question together
SELECTIONS_MAX = setting(None, "SELECTIONS_MAX", 10)
UPLOAD_MAX_BYTES = setting(None, "UPLOAD_MAX_BYTES", 50 * 1_048_576)
ATTACHMENTS_WAIT_SECONDS = setting(None, "ATTACHMENTS_WAIT_SECONDS", 60.0)  # that a question waits for attached files
RUN_SAVE_SECONDS = setting(None, "RUN_SAVE_SECONDS", 1.0)  # of a kept run: what a killed process loses at most
RUN_LOOK_SECONDS = setting(None, "RUN_LOOK_SECONDS", 5.0)  # of other runs: how soon one ends that was stopped elsewhere
RUN_DRAIN_SECONDS = setting(None, "RUN_DRAIN_SECONDS", 15.0)  # from SIGTERM until `serve` cancels and saves answers
PASTE_MAX_CHARACTERS = setting(None, "PASTE_MAX_CHARACTERS", 500_000)  # four bytes each at most: one request body
FETCH_MAX_SECONDS = setting(None, "FETCH_MAX_SECONDS", 20.0)  # all addresses of one request, which holds a thread

OPENAPI = {  # what the API's schema says of itself, in every project
    "TITLE": "Document chat",
    "DESCRIPTION": "Ask documents; every claim of an answer cites the passage it came from.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ModeEnum": "chatsite.models.Run.Mode",
        "RunStateEnum": "chatsite.models.Run.State",
        "DocumentStateEnum": "retrieval.models.Document.State",
        "HealthEnum": ["ok", "degraded"],
    },
}


def seal(environment: Env) -> None:
    """Raise ImproperlyConfigured, which names the variable, when one that was read has a wrong value."""
    try:
        environment.seal()
    except EnvError as error:
        way_out = " A value in DOCCHAT, in the project's settings, is used in its place." if _PROJECT else ""
        raise ImproperlyConfigured(f"{error}{way_out}") from error


seal(_env)


def fill_in() -> None:
    """Give the project's settings each setting of the chat. A Django setting that is there is left alone, unless
    `DOCCHAT` has the same name.

    Raises ImproperlyConfigured, which names the setting, when a value of `DOCCHAT` is wrong.
    """
    said = getattr(_active, "DOCCHAT", {})
    for name in known:
        if name in said:
            setattr(_active, name, _checked(name, said[name]))
        elif not hasattr(_active, name):
            setattr(_active, name, globals()[name])
    _active.DATA_DIR = Path(_active.DATA_DIR).expanduser().resolve()
    for name, folder in _FOLDERS.items():
        chosen = said.get(name) or getattr(_active, name, _active.DATA_DIR / folder)
        setattr(_active, name, Path(chosen))
    _active.TEMPLATES = [_with_assistant(engine) for engine in _active.TEMPLATES]
    _active.MEDIA_ROOT = _active.MEDIA_ROOT or _active.DATA_DIR / "media"
    schema = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}  # extend_schema builds on the default
    _active.REST_FRAMEWORK = schema | getattr(_active, "REST_FRAMEWORK", {})


def _with_assistant(engine: Mapping[str, Any]) -> dict[str, Any]:
    """Return an engine of TEMPLATES that finds our `admin/base.html` before any app's, and after the project's own. It
    extends the one behind it, whoever's that is; without ADMIN_ASSISTANT it adds nothing to it."""
    if engine.get("BACKEND") != "django.template.backends.django.DjangoTemplates":
        return dict(engine)
    folders = [folder for folder in engine.get("DIRS", ()) if folder != _ADMIN_FRAME]
    return {**engine, "DIRS": [*folders, _ADMIN_FRAME]}


_ADMIN_FRAME = Path(__file__).resolve().parent / "staff" / "frame"


def chat_models() -> list[str]:
    """Return the names of the language models, in the order in which they are asked; none where none is configured, or
    none is to be asked."""
    if _active.USE_MOCK_EXECUTION or not (_active.OPENAI_API_KEY or _active.OPENAI_BASE_URL):
        return []
    named = [name.strip() for name in _active.CHAT_MODELS] or [_active.CHAT_MODEL]
    return [name for name in dict.fromkeys(named) if name not in {"", EXTRACTIVE}]


def misspelt(said: Mapping[str, Any], *, options: Iterable[str]) -> dict[str, str]:
    """Return the keys of `DOCCHAT` that nothing reads, each with the nearest that something does, or with "".

    `options` are those of the chat's button, which `DOCCHAT` has as well.
    """
    names = [*known, *ONLY_SAID, *_FOLDERS, *options]
    nearest = {name.upper(): name for name in names}
    close = {key: get_close_matches(str(key).upper(), nearest, n=1) for key in said if key not in names}
    return {key: nearest[found[0]] if found else "" for key, found in close.items()}
