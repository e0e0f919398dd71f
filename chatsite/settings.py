"""The site as a project of its own: what a project says, with the variables that only a project reads.

A wrong value stops start-up with a message that names the variable. A project that has added the chat to its own apps
never imports this; what the chat reads there is in `conf.py`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from environs import Env, ValidationError, validate

from chatsite import APPS
from chatsite.accounts.factor import parts as factor
from chatsite.accounts.mail import mail_settings
from chatsite.accounts.oidc import parts as oidc
from chatsite.conf import *  # noqa: F403 - each is a setting
from chatsite.conf import DATA_DIR, OPENAPI, address, seal

os.umask(0o077)  # what this process writes, in DATA_DIR and elsewhere, is its owner's alone
env = Env(eager=False)


def _database(value: str) -> None:
    """Raise ValidationError unless `value` is empty or an address that Django has a backend for."""
    try:
        dj_database_url.parse(value)
    except ValueError as error:
        raise ValidationError("must be an address like postgres://user:password@host/name") from error


def _mail(value: str) -> None:
    """Raise ValidationError unless `value` says how mail is sent, or is empty."""
    try:
        mail_settings(value)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def _second_factor(value: str) -> None:
    """Raise ValidationError unless `value` says who must have one, and the extra is there that it takes."""
    if value not in factor.CHOICES:
        raise ValidationError("must be empty, or one of: staff, all")
    _with_extra(value)


def _issuer(value: str) -> None:
    """Raise ValidationError unless `value` is empty or an address, and the extra is there that it takes."""
    address(value)
    if value.startswith("http:") and urlsplit(value).hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise ValidationError("must begin with https: who signs in here is what it says")
    _with_extra(value)


def _with_extra(value: str) -> None:
    if value and not factor.installed():
        raise ValidationError("needs an extra: pip install 'django-docchat[accounts]'")


# ---- environment -----------------------------------------------------------------------------------------------------
PORT: int = env.int("PORT", 8000, validate=validate.Range(min=1, max=65535))
SECRET_KEY: str = env.str("SECRET_KEY", "")
DEBUG: bool = env.bool("DEBUG", False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
HTTPS: bool = env.bool("HTTPS", False)
_EMAIL_URL: str = env.str("EMAIL_URL", "", validate=_mail)
DEFAULT_FROM_EMAIL: str = env.str("EMAIL_FROM", "webmaster@localhost")
SECOND_FACTOR: str = env.str("SECOND_FACTOR", "", validate=_second_factor)
OIDC_ISSUER: str = env.str("OIDC_ISSUER", "", validate=_issuer)
OIDC_CLIENT_ID: str = env.str("OIDC_CLIENT_ID", *([] if OIDC_ISSUER else [""]))  # must be said with an issuer
OIDC_CLIENT_SECRET: str = env.str("OIDC_CLIENT_SECRET", "")
OIDC_NAME: str = env.str("OIDC_NAME", "OpenID Connect")
OIDC_CREATE_USERS: bool = env.bool("OIDC_CREATE_USERS", False)
_DATABASE_URL: str = env.str("DATABASE_URL", "", validate=_database)
seal(env)


def _kept_secret_key() -> str:
    """Return the random key that the first start makes and keeps in DATA_DIR, so that sessions survive a restart."""
    path = DATA_DIR / "secret_key"
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
    return path.read_text()


SECRET_KEY = SECRET_KEY or _kept_secret_key()

# ---- application -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    *APPS,
    "chatsite.accounts",
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
    "chatsite.api.bodies.bounded_bodies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "chatsite.accounts.seen.note_sign_ins",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "chatsite.site_urls"
WSGI_APPLICATION = "chatsite.wsgi.application"

_PACKAGE = Path(__file__).resolve().parent
_WHEEL_PAGES = _PACKAGE / "site_templates"  # where a wheel has what stands in templates/ here

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_WHEEL_PAGES if _WHEEL_PAGES.is_dir() else _PACKAGE.parent / "templates"],
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
FILE_UPLOAD_PERMISSIONS = 0o600  # Django would let everyone on the machine read uploads
DATABASES = {"default": dj_database_url.parse(_DATABASE_URL or f"sqlite:///{DATA_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Measured: 0 lock errors in 12,378 writes, against 1,655 in 5,075 with the defaults.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

MEDIA_ROOT = DATA_DIR / "media"
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
# One address that guesses one name's password is stopped, and sooner or later one that guesses many names'; the name's
# owner elsewhere is not.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_HANDLER = "chatsite.signing_in.SignInLimits"
AXES_CLIENT_IP_CALLABLE = "chatsite.serving.proxies.counted_address"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "chatsite.signing_in.locked_out"
AXES_DISABLE_ACCESS_LOG = True  # Django's own last_login is enough
AXES_VERBOSE = False
SENDS_MAIL = bool(_EMAIL_URL)  # else nobody is offered a link by mail
globals().update(mail_settings(_EMAIL_URL))
if SECOND_FACTOR or OIDC_ISSUER:  # whoever the provider signs in may have a second factor here
    INSTALLED_APPS += factor.APPS
    MIDDLEWARE += factor.MIDDLEWARE
    globals().update(factor.SETTINGS)
if OIDC_ISSUER:
    INSTALLED_APPS += oidc.APPS
    globals().update(oidc.oidc_settings(OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_NAME))
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

# ---- the API ---------------------------------------------------------------------------------------------------------
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
    **OPENAPI,
    "SERVE_INCLUDE_SCHEMA": False,
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
