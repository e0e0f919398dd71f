"""Go through the project as its people would, and print what they meet as JSON."""

import json
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

import chatsite
from chatsite.models import ApiKey, EmbedSite
from retrieval import configuration
from retrieval.ingestion import ingest
from retrieval.models import Collection

TEXT = "# Tea\n\nBoil the water first.\n\nWait four minutes before you pour the tea."
QUESTION = "How long do I wait before I pour the tea?"


class Command(BaseCommand):
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        staff = get_user_model().objects.create_superuser("staff@example.org", password="the-staffs-password")
        collection = Collection.objects.create(name="Kitchen", slug="kitchen", public=True, owner=staff)
        document, _ = ingest.add_document(
            collection, file=ContentFile(TEXT.encode(), name="tea.md"), filename="tea.md", owner=staff
        )
        while ingest.ingest_next():
            pass
        document.refresh_from_db()
        key = ApiKey(name="Program", user=staff, all_collections=True, expires_at=timezone.now() + timedelta(days=1))
        secret = key.make_secret()
        key.save()
        site = EmbedSite.objects.create(name="Partner", origins="https://www.example.org", reader=staff)
        site.collections.add(collection)
        client = Client(raise_request_exception=False)
        client.force_login(staff)
        asked = ask(client, QUESTION)
        print(
            json.dumps(
                {
                    "package": chatsite.__file__,
                    "document": document.state,
                    "embedding": configuration.describe().embedding,
                    "answer": asked,
                    "again": ask(client, QUESTION, session_id=asked["session_id"])["answered"],
                    "by a program": ask(Client(), QUESTION, key=secret)["answered"],
                    "by a visitor": ask(Client(), QUESTION, key=site.token)["answered"],
                    "pages": {address: Client().get(address).status_code for address in ["/sign-in/", "/nowhere/"]}
                    | {address: client.get(address).status_code for address in pages(asked, document.pk)},
                }
            )
        )


def ask(client: Client, query: str, *, key: str = "", **more: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    address, body = "/docs/api/v1/chat/query", {"query": query, **more}
    response = client.post(address, body, content_type="application/json", headers=headers)
    assert response.status_code == 200, response.content
    return dict(response.json())


def pages(asked: dict[str, Any], document_id: int) -> list[str]:
    conversation = asked["session_id"]
    chat = ["", f"c/{conversation}/", f"c/{conversation}/conversation.md", "documents/", f"documents/{document_id}/"]
    found = [f"/docs/{page}" for page in [*chat, "embed/", "embed.js", "api/v1/schema", "api/v1/health"]]
    if not settings.ADMIN:
        return found
    for model in [model for name in chatsite.APPS for model in apps.get_app_config(name).get_models()]:
        names = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        try:
            found.append(reverse(f"{names}_changelist") + "?q=tea")
        except NoReverseMatch:
            continue
        row = model._default_manager.first()
        found += [reverse(f"{names}_change", args=[row.pk])] if row else []
        found += (
            [reverse(f"{names}_add")] if names.endswith(("_collection", "_document", "_apikey", "_embedsite")) else []
        )
    return found
