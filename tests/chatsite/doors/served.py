"""A site on the loopback with one document and a key, for the official clients of other protocols."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.chatsite.doors.keys import TEA
from tests.servers import manage, site

FIRST_DATA = """
from django.contrib.auth.models import Permission, User
from django.core.files.base import ContentFile
from chatsite.models import ApiKey, Workflow
from retrieval.ingestion import ingest
from retrieval.models import Collection
user = User.objects.create_user("robot")
handbook = Collection.objects.create(name="Handbook", slug="handbook", public=True)
ingest.add_document(handbook, file=ContentFile({text!r}.encode(), name="tea.md"), filename="tea.md")
key = ApiKey(name="robot", user=user)
secret = key.make_secret()
key.save()
key.collections.set([handbook])
user.user_permissions.add(Permission.objects.get(codename="run_workflow"))
workflow = Workflow.objects.create(slug="tea-facts", title="Tea facts", description="Finds facts.", is_tool=True)
workflow.versions.create(number=1, text={steps!r})
staff = User.objects.create_superuser("staff")
ApiKey.objects.create(user=staff, name="of the tests", digest=ApiKey.digest_of({key!r}))
print(secret)
"""
STAFF_KEY = "dc_a-doors-key"  # health tells the staff how many documents are ready
STEPS = """\
inputs:
  topic: {description: what to look for}
steps:
  find: {tool: search_documents, with: {query: "${inputs.topic}"}}
"""
READ_SECONDS = 90


@dataclass(frozen=True)
class Served:
    url: str
    key: str


@contextmanager
def served(host: str, *, data_dir: Path, **variables: str) -> Iterator[Served]:
    """Serve what a first `serve` left in `data_dir`, and one document more, which a key of its own may ask."""
    secret = manage(
        "shell", "--no-imports", "-c", FIRST_DATA.format(text=TEA, key=STAFF_KEY, steps=STEPS), data_dir=data_dir
    )
    secret = secret.split()[-1]
    staff = {"Authorization": f"Bearer {STAFF_KEY}"}
    with site(host, data_dir=data_dir, ANONYMOUS_CHAT="off", **variables) as running:
        until = time.monotonic() + READ_SECONDS
        address = f"{running.url}/api/v1/health"
        while set(httpx.get(address, headers=staff, timeout=30).json()["documents"]) != {"ready"}:
            assert time.monotonic() < until, running.output
            time.sleep(0.1)
        yield Served(running.url, secret)
