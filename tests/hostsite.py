"""`examples/hostsite` as a real process: a project of its own that has added the chat."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.servers import ROOT, START_SECONDS, Site, _share_model, environment, free_port

EXAMPLE = ROOT / "examples" / "hostsite"
PASSWORD = "a-members-password"
STAFF_KEY = "dc_a-hosts-key"
FIRST_DATA = """
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from chatsite.models import ApiKey
from retrieval.ingestion import ingest
from retrieval.models import Collection
User.objects.create_user("member", password={password!r})
staff = User.objects.create_superuser("staff", password={password!r})
ApiKey.objects.create(user=staff, name="of the tests", digest=ApiKey.digest_of({key!r}))
rules = Collection.objects.create(name="Rules", slug="rules", public=True)
secret = Collection.objects.create(name="Boiler room", slug="boiler", public=False)
for collection, name, text in [(rules, "rules.md", {rules!r}), (secret, "boiler.md", {secret!r})]:
    ingest.add_document(collection, file=ContentFile(text.encode(), name=name), filename=name)
"""
RULES = "# Rules\n\nGlasses are not allowed near the pool.\n\nThe sauna is heated on Fridays from four o'clock."
SECRET = "# Boiler room\n\nThe key of the boiler room hangs behind the clock."


def _run(folder: Path, *arguments: str, python: str, **variables: str) -> None:
    command = [python, "-m", "django", *arguments]
    done = subprocess.run(command, cwd=folder, env=_environment(folder, **variables), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _environment(folder: Path, **variables: str) -> dict[str, str]:
    """As after `pip install`: the packages can be imported, the folder is the project's own."""
    kept = environment(folder / ".data", **({"DJANGO_SETTINGS_MODULE": "hostsite.settings"} | variables))
    del kept["DATA_DIR"]
    return kept | {"PYTHONPATH": str(ROOT)}


def own_suite(project: Path, *arguments: str, python: Path, folder: Path, settings: str = "settings") -> str:
    """Run the suite of a project's own, copied to `folder`, with the Python of its environment. Return what pytest
    prints."""
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns("*.sqlite3", ".data"))
    _share_model(folder / ".data" / "models")
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_django.plugin", *arguments]
    variables = {"DJANGO_SETTINGS_MODULE": settings, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=_environment(folder, **variables), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def host_site(folder: Path, **variables: str) -> Iterator[Site]:
    """The example, copied to `folder`, under runserver, with two documents that can be asked; ended at the end."""
    first_data = FIRST_DATA.format(password=PASSWORD, key=STAFF_KEY, rules=RULES, secret=SECRET)
    with project_site(EXAMPLE, folder, first_data, chat="/docs", ready=2, **variables) as running:
        yield running


@contextmanager
def project_site(
    project: Path,
    folder: Path,
    first_data: str,
    *,
    chat: str,
    ready: int,
    python: str = sys.executable,
    **variables: str,
) -> Iterator[Site]:
    """A project, copied to `folder`, under runserver, with the rows that `first_data` makes; of its documents, `ready`
    can be asked below `chat`; ended at the end."""
    shutil.copytree(project, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sqlite3", ".data"))
    _share_model(folder / ".data" / "models")
    _run(folder, "migrate", "--verbosity=0", python=python, **variables)
    _run(folder, "shell", "--no-imports", "-c", first_data, python=python, **variables)
    port = free_port()
    log = folder / "runserver.log"
    command = [python, "-m", "django", "runserver", "--noreload", f"127.0.0.1:{port}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(folder, **variables), stdout=output, stderr=subprocess.STDOUT
        )
    running = Site(f"http://127.0.0.1:{port}", folder / ".data", process, log)
    try:
        _wait_until_read(running, f"{chat}/api/v1/health", ready)
        yield running
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_until_read(site: Site, address: str, ready: int) -> None:
    """Until its documents can be asked: its own server has begun to read them with the first request."""
    key, until = {"Authorization": f"Bearer {STAFF_KEY}"}, time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert site.process.poll() is None, site.output
        try:
            health = httpx.get(f"{site.url}{address}", timeout=30, headers=key)
            if health.json()["documents"] == {"ready": ready}:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(site.output)
