"""A project as unlike the site's own as one may be: its own kind of user, naive times, and, when asked, no admin.

From the environment: GUEST_ADMIN, which is `off` for the project without `django.contrib.admin`.
"""

import os
from pathlib import Path

import chatsite

BASE_DIR = Path(__file__).resolve().parent.parent
ADMIN = os.environ.get("GUEST_ADMIN") != "off"
SECRET_KEY = "of no use to anyone"
ALLOWED_HOSTS = ["testserver"]

INSTALLED_APPS = [
    *(["django.contrib.admin", "django.contrib.messages"] if ADMIN else []),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "people",
    *chatsite.APPS,
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    *(["django.contrib.messages.middleware.MessageMiddleware"] if ADMIN else []),
]
ROOT_URLCONF = "guest.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                *(["django.contrib.messages.context_processors.messages"] if ADMIN else []),
            ],
        },
    },
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }
}
AUTH_USER_MODEL = "people.Person"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "login"
STATIC_URL = "static/"
TIME_ZONE = "Europe/Berlin"
USE_TZ = False
