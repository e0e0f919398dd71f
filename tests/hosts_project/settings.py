"""The smallest Django project that can show what the runtime promises; `benchmarks.matrix` runs it in every host.

From the environment: MATRIX_DIR, where all state is, and MODEL_URL, the model server.
"""

import os
from pathlib import Path

STATE = Path(os.environ["MATRIX_DIR"])
MODEL_URL = os.environ["MODEL_URL"]

SECRET_KEY = "of no use to anyone"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["tests.hosts_project", "django.contrib.contenttypes", "django.contrib.auth"]
ROOT_URLCONF = "tests.hosts_project.urls"
WSGI_APPLICATION = "tests.hosts_project.wsgi.application"
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": STATE / "db.sqlite3",
        "OPTIONS": {"timeout": 20, "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"},
    }
}
