"""A run of a site that was killed: it is shown as interrupted, and goes on where it stopped."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.furnished import PASSWORD
from tests.servers import Site, manage, migrate, site

pytestmark = pytest.mark.hosts

MADE = f"""
from django.contrib.auth.models import User
from chatsite.models import Workflow
User.objects.create_superuser("staff", password={PASSWORD!r})
Workflow.objects.create(slug="two", title="Two", draft='''steps:
  first: {{agent: writer, prompt: Say one.}}
  second: {{agent: writer, prompt: "After ${{steps.first.output}} say two."}}
''')
"""


def signed_in(running: Site) -> httpx.Client:
    client = httpx.Client(base_url=running.url, follow_redirects=True, timeout=30)
    sent(client, "/admin/login/", {"username": "staff", "password": PASSWORD}, page="/admin/login/")
    return client


def sent(client: httpx.Client, address: str, fields: dict[str, str], *, page: str) -> httpx.Response:
    """Send a form as a browser does, with the token that is on its page."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(page).text)
    assert token
    return client.post(
        address, data={"csrfmiddlewaretoken": token[1], **fields}, headers={"Referer": str(client.base_url)}
    )


def told(client: httpx.Client, run: str, *, until: str) -> str:
    """Follow a run's events until one holds this text, and return it."""
    with client.stream("GET", f"{run.removesuffix('change/')}events/") as events:
        return next(line for line in events.iter_lines() if until in line)


def test_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    migrate(data_dir)
    manage("shell", "--no-imports", "-c", MADE, data_dir=data_dir)
    with ChatServer() as model:
        variables = {"OPENAI_BASE_URL": model.url, "CHAT_MODEL": "a-language-model"}
        model.script(chat_server.text("One."), chat_server.text("Late.", first_delay=60.0))
        designer = "/admin/chatsite/workflow/1/change/"
        with site("uvicorn", data_dir=data_dir, **variables) as running, closing(signed_in(running)) as client:
            run = sent(client, "/admin/chatsite/workflow/1/run/", {"what": "draft"}, page=designer).url.path
            told(client, run, until='"second": {"done": 0, "state": "running"}')
            running.process.kill()
            running.process.wait()
        asked = len(model.requests)
        model.script(chat_server.text("Two."))
        with site("uvicorn", data_dir=data_dir, **variables) as running, closing(signed_in(running)) as client:
            told(client, run, until='"state": "interrupted"')
            assert "Interrupted" in client.get(run).text
            answer = sent(client, f"{run.removesuffix('change/')}act/", {"action": "resume"}, page=run)
            assert answer.status_code == 200
            told(client, run, until='"completed", "steps"')
            assert "Two." in client.get(run).text
        assert len(model.requests) == asked + 1
        assert model.requests[-1].body["messages"][-1]["content"] == "After One. say two."
