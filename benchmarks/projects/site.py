"""A throw-away site that has the project, and then the chat as well: its files, its rows, its server."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from django.utils.text import slugify

from benchmarks.projects.declared import FIRST, SECOND, Project
from benchmarks.projects.environments import Environment, ProjectFault, plain_environment
from tests.servers import free_port

KEY = "dc_" + "k" * 43
START_SECONDS = 60.0

MANAGE = """
import os, sys
from django.core.management import execute_from_command_line
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "place.settings")
execute_from_command_line(sys.argv)
"""
SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "only-for-this-site"
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "place.urls"
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
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3",
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20}}}
STATIC_URL = "static/"
MEDIA_ROOT, MEDIA_URL = BASE_DIR / "media", "/media/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
LOGIN_URL = "/admin/login/"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
# ---- of the project
INSTALLED_APPS += {apps!r}
{settings}
"""
CHAT = """
# ---- of the chat
import chatsite
INSTALLED_APPS = [*INSTALLED_APPS, *chatsite.APPS]
"""
URLS = """
from django.contrib import admin
from django.urls import include, path, re_path
urlpatterns = [
    {chat}
    path("admin/", admin.site.urls),
    {urls}
]
"""
TEMPLATE = """<!doctype html><html lang="en"><title>{% block title %}The site{% endblock %}</title>
{% block extrahead %}{% endblock %}
{% block body %}{% block content %}{{ flatpage.content }}{% endblock %}{% endblock %}
{% block extra_js %}{% endblock %}
"""
CHAT_URL = 'path("docs/", include("chatsite.urls")),'

MIGRATE = """
from django.core.management import call_command
call_command("migrate", verbosity=0, skip_checks=False)
"""
SYNC = """
call_command("sync_models")
"""
READER = """
import json
from django.contrib.auth import get_user_model
User = get_user_model()
"""
MAKE_ROWS = """
reader = User.objects.create_superuser(**{User.USERNAME_FIELD: "reader@example.org"}, password="a-readers-password",
    **({"email": "reader@example.org"} if User.USERNAME_FIELD != "email" else {}))
"""
TELL_ROW = """
print(json.dumps({"pk": str(row.pk), "text": TEXT}))
"""
GET_ROW = """
from django.apps import apps
row = apps.get_model(MODEL)._base_manager.get(pk=PK)
"""
MAKE_KEY = """
from django.test import Client
from chatsite.models import ApiKey
reader = User.objects.get(**{User.USERNAME_FIELD: "reader@example.org"})
ApiKey.objects.create(user=reader, name="of the reader", all_collections=True, digest=ApiKey.digest_of(KEY))
client = Client(headers={"host": "localhost"})
client.force_login(reader)
print(json.dumps({name: morsel.value for name, morsel in client.cookies.items()}))
"""


class OtherProcess:
    """A process of the site that does the next thing with the row when it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def change(self) -> None:
        """Give the row its second text, and come back when that is committed. Raises ProjectFault."""
        self._go_on()

    def hide(self) -> None:
        """Delete or hide the row, and come back when that is committed. Raises ProjectFault."""
        self._go_on()

    def _go_on(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.strip() == "done":
                return
        raise ProjectFault(f"The row could not be changed:\n{self._process.stderr.read()[-3000:]}")


class HostSite:
    """The site of a project, in a folder of its own below the cache."""

    def __init__(self, project: Project, environment: Environment) -> None:
        self.project, self.environment = project, environment
        self.folder = environment.folder / "site"
        self.key = ""

    def begin(self) -> None:
        """Make the site without the chat, with a row. Raises ProjectFault."""
        shutil.rmtree(self.folder, ignore_errors=True)
        write_place(self.folder, self.project)
        told, _ = self.script(MIGRATE, READER, MAKE_ROWS, self.project.rows, TELL_ROW, TEXT=FIRST)
        self.key = told["pk"]

    def add_chat(self) -> None:
        """Add the lines of the chat, and `docchat.py` beside the settings."""
        write_place(self.folder, self.project, adds=CHAT, chat=CHAT_URL)
        (self.folder / "place" / "docchat.py").write_text(self.project.docchat)
        models, ready = self.folder / ".data" / "models", self.environment.cache / "models"
        ready.mkdir(parents=True, exist_ok=True)
        models.parent.mkdir()
        models.symlink_to(ready)  # what embeds is made once, not once for each project

    def migrate_and_sync(self) -> tuple[dict[str, str], str]:
        """Make the chat's tables and take the rows that are there; make an API key for the reader. Return the cookies
        of the reader's session, and all that was printed."""
        return self.script(MIGRATE, SYNC, READER, MAKE_KEY, KEY=KEY)

    @contextmanager
    def other(self) -> Iterator[OtherProcess]:
        """Run a process of the site beside the one that serves it, which changes and hides the row when it is told."""
        steps = "".join(
            f"input()\nTEXT = {text!r}\n{GET_ROW}\n{code}\nprint('done', flush=True)\n"
            for text, code in ((SECOND, self.project.change), ("", self.project.hide))
        )
        command = [str(self.environment.python), "manage.py", "shell", "-c", self._code(READER, steps)]
        process = subprocess.Popen(
            command, cwd=self.folder, env=plain_environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            yield OtherProcess(process)
        finally:
            process.kill()
            process.communicate()

    def manage(self, *arguments: str, **environ: str) -> str:
        return self.environment.run("manage.py", *arguments, cwd=self.folder, **environ)

    def script(self, *parts: str, **given: str) -> tuple[Any, str]:
        """Run Python in the site, a process of its own. Return the JSON that it printed last, and all that it said."""
        printed = self.manage("shell", "-c", self._code(*parts, **given))
        for line in reversed(printed.splitlines()):
            if line.startswith("{"):
                return json.loads(line), printed
        raise ProjectFault(f"The script printed no JSON:\n{printed[-3000:]}")

    def _code(self, *parts: str, **given: str) -> str:
        given |= {"MODEL": self.project.model, "PK": self.key}
        return "\n".join([*(f"{name} = {value!r}" for name, value in given.items()), *parts])

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve the site in one process, and yield its address. Raises ProjectFault when it doesn't come up."""
        port = free_port()
        command = [str(self.environment.python), "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        log = self.folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=self.folder, env=plain_environment(), stdout=output, stderr=subprocess.STDOUT
            )
        try:
            until = time.monotonic() + START_SECONDS
            while not _answers(f"http://127.0.0.1:{port}/docs/api/v1/health/live"):
                if process.poll() is not None or time.monotonic() > until:
                    raise ProjectFault(f"The server did not come up:\n{log.read_text(errors='replace')[-3000:]}")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def write_place(folder: Path, project: Project, *, adds: str = "", chat: str = "") -> None:
    """Write a site that has the project into a folder: `manage.py`, templates, and a package `place` of its settings,
    with what `adds` says, and of its addresses, with those of the `chat`."""
    for name in ("base.html", "404.html", "flatpages/default.html"):
        template = folder / "templates" / name
        template.parent.mkdir(parents=True, exist_ok=True)
        template.write_text(TEMPLATE)
    (folder / "manage.py").write_text(MANAGE)
    place = folder / "place"
    place.mkdir(exist_ok=True)
    (place / "__init__.py").touch()
    settings = SETTINGS.replace("{apps!r}", repr(list(project.apps))).replace("{settings}", project.settings)
    (place / "settings.py").write_text(f"{settings}\n{adds}")
    (place / "urls.py").write_text(URLS.replace("{chat}", chat).replace("{urls}", project.urls))


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=30).status_code < 500
    except httpx.TransportError:
        return False


def slug_of(project: Project) -> str:
    """Return what the project is called on the command line."""
    return slugify(project.package)
