"""Every environment variable, read, parsed and named once.

A wrong value stops start-up with a message that names the variable. Nothing else in the project reads the environment.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from django.conf import settings as active
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, ValidationError, validate

from chatsite import APPS

# In a project with settings of its own, which are in place by now, these fill in what those leave out (defaults.py).
_HOST = active if active.configured else None
BASE_DIR = Path(getattr(_HOST, "BASE_DIR", None) or Path(__file__).resolve().parent.parent)

env = Env(eager=False)


def _address(value: str) -> None:
    """An http(s) address with a host, or nothing."""
    if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
        raise ValidationError("must be an address like https://host:port/path")


def _database(value: str) -> None:
    """An address that Django has a backend for, or nothing."""
    try:
        dj_database_url.parse(value)
    except ValueError as error:
        raise ValidationError("must be an address like postgres://user:password@host/name") from error


def _hosts(value: list[str]) -> None:
    """Names of hosts, each with or without a port."""
    for entry in value:
        host, _, port = entry.rpartition(":") if entry.rpartition(":")[2].isdecimal() else (entry, "", "")
        if not host or set(host) & set("/@ ,") or (port and int(port) > 65_535):
            raise ValidationError("must be host names like wiki.example.org or wiki.example.org:8080")


# ---- environment -----------------------------------------------------------------------------------------------------
PORT: int = env.int("PORT", 8000, validate=validate.Range(min=1, max=65535))
DATA_DIR: Path = env.path("DATA_DIR", BASE_DIR / ".data").expanduser().resolve()
SECRET_KEY: str = env.str("SECRET_KEY", "")
DEBUG: bool = env.bool("DEBUG", False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
_DATABASE_URL: str = env.str("DATABASE_URL", "", validate=_database)
OPENAI_API_KEY: str = env.str("OPENAI_API_KEY", "")
OPENAI_BASE_URL: str = env.str("OPENAI_BASE_URL", "", validate=_address)
CHAT_MODEL: str = env.str("CHAT_MODEL", "gpt-4.1-mini")
EMBEDDING_BASE_URL: str = env.str("EMBEDDING_BASE_URL", "", validate=_address)
EMBEDDING_MODEL: str = env.str("EMBEDDING_MODEL", "")
RERANK: str = env.str("RERANK", "", validate=validate.OneOf(["", "maxsim"]))
QDRANT_URL: str = env.str("QDRANT_URL", "", validate=_address)
QDRANT_API_KEY: str = env.str("QDRANT_API_KEY", "")
QDRANT_SHARDS: int = env.int("QDRANT_SHARDS", 1, validate=validate.Range(min=1, max=256))
QDRANT_REPLICAS: int = env.int("QDRANT_REPLICAS", 1, validate=validate.Range(min=1, max=16))
QDRANT_QUANTIZATION: bool = env.bool("QDRANT_QUANTIZATION", False)
SITE_INGESTS: bool = env.bool("SITE_INGESTS", not QDRANT_URL)
ANONYMOUS_CHAT: bool = env.bool("ANONYMOUS_CHAT", False)
HTTPS: bool = env.bool("HTTPS", False)
FETCH_HOSTS: list[str] = env.list("FETCH_HOSTS", [], validate=_hosts)
USER_QUOTA_BYTES: int = env.int("USER_QUOTA_BYTES", 0, validate=validate.Range(min=0))
ATTACHMENTS: int = env.int("ATTACHMENTS", 10, validate=validate.Range(min=0, max=1000))
RUNS_PER_USER: int = env.int("RUNS_PER_USER", 4, validate=validate.Range(min=1))
RUNS_PER_PROCESS: int = env.int("RUNS_PER_PROCESS", 64, validate=validate.Range(min=1))

try:
    env.seal()
except EnvError as error:
    raise ImproperlyConfigured(str(error)) from error


def _kept_secret_key() -> str:
    """A random key made on the first start and kept in DATA_DIR, so that sessions survive a restart."""
    path = DATA_DIR / "secret_key"
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
    return path.read_text()


if _HOST is None:
    SECRET_KEY = SECRET_KEY or _kept_secret_key()
else:
    DATA_DIR = Path(getattr(_HOST, "DATA_DIR", DATA_DIR))

# ---- application -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    *APPS,
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
]

MIDDLEWARE = [
    "chatsite.middleware.request_id",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "chatsite.middleware.security_headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "chatsite.site_urls"
WSGI_APPLICATION = "chatsite.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# ---- state -----------------------------------------------------------------------------------------------------------
DATABASES = {"default": dj_database_url.parse(_DATABASE_URL or f"sqlite:///{DATA_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Measured: 0 lock errors in 12,378 writes, against 1,655 in 5,075 with the defaults.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

MEDIA_ROOT = DATA_DIR / "media"
INDEX_DIR = DATA_DIR / "index"
MODEL_DIR = DATA_DIR / "models"
PAGES_DIR = DATA_DIR / "pages"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # static files are served from where they are installed; nothing is collected

# ---- sign-in and the browser -----------------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: who has failed too often is not even compared
    "django.contrib.auth.backends.ModelBackend",
]
# One address that guesses one name's password is stopped; neither the name's owner elsewhere nor an office behind one
# address is.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "chatsite.access.locked_out"
AXES_DISABLE_ACCESS_LOG = True  # Django's own last_login is enough
AXES_VERBOSE = False
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "chatsite:chat"
LOGOUT_REDIRECT_URL = "chatsite:chat"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # what there are texts in: the browser chooses
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1_048_576  # a request body without its files
FILE_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

# ---- limits, each in one place ---------------------------------------------------------------------------------------
QUERY_MAX_CHARACTERS = 4_000
SELECTION_MAX_CHARACTERS = 20_000  # of all selections of a question together
SELECTIONS_MAX = 10
UPLOAD_MAX_BYTES = 50 * 1_048_576
ATTACHMENTS_WAIT_SECONDS = 60.0  # that a question waits for what is attached to its conversation
RUN_SAVE_SECONDS = 1.0  # between two records of a kept run: what a killed process loses of it at most
RUN_LOOK_SECONDS = 5.0  # of any other streamed run: how soon it ends when its reader may no longer ask
RUN_DRAIN_SECONDS = 15.0  # from SIGTERM until `serve` cancels answers still being written, to save them before it ends
PASTE_MAX_CHARACTERS = 500_000  # four bytes each at most, which is what a request body may have without its files
FETCH_MAX_SECONDS = 20.0  # all addresses of one request: so long it may hold one of the site's threads

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "chatsite.api.authentication.BearerKey",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["chatsite.api.permissions.MayAsk"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["chatsite.api.parsers.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "chatsite.api.errors.error_response",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Document chat",
    "DESCRIPTION": "Ask documents; every claim of an answer cites the passage it came from.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {"ModeEnum": "chatsite.models.Run.Mode"},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "chatsite.middleware.RequestIdFilter"}},
    "formatters": {"line": {"()": "chatsite.middleware.LineFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["request_id"], "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "axes": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
    },
}
