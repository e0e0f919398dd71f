"""One small world to be reached: a private collection of one owner, shared with a group of one reader."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.access.expected import API, BODIES, COLUMNS
from benchmarks.access.routes import Route, permission_of

if TYPE_CHECKING:
    from django.test import Client

    from chatsite.models import Conversation
    from retrieval.models import Document

NO_ID = "7b0f5a9e-0000-4000-8000-000000000000"
PHRASE = "The kettle is kept in the blue cupboard."


@dataclass(slots=True)
class Visit:
    """How one kind of client calls, and what it names in an address."""

    client: Client
    headers: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    values_of: dict[str, dict[str, str]] = field(default_factory=dict)  # by route


class World:
    """What there is to be reached, in an empty database with an empty index."""

    def __init__(self) -> None:
        from django.contrib.auth.models import Group, User

        from chatsite.models import ChatAgent, EmbedSite
        from retrieval.models import Collection

        self.users = {
            name: User.objects.create_user(name, password="a-password", is_staff=name in {"staff", "right"})
            for name in ("reader", "owner", "another", "staff", "right", "deactivated")
        }
        group = Group.objects.create(name="Board")
        group.user_set.add(self.users["reader"])
        owner = self.users["owner"]
        self.board = Collection.objects.create(name="Board", slug="board", owner=owner)
        self.board.groups.add(group)
        self.agent = ChatAgent.objects.create(name="board", title="Board", all_collections=True)
        self.agent.groups.add(group)
        self.elsewhere = Collection.objects.create(name="Elsewhere", slug="elsewhere", public=True)
        self.document = self._put(self.board, "kettle.pdf", _pdf(PHRASE))
        self.site = EmbedSite.objects.create(name="Partner", origins="https://www.example.org", reader=owner)
        self.site.collections.add(self.board)
        self.key, secret = self._key(self.board)
        _, elsewhere = self._key(self.elsewhere)
        _, expired = self._key(self.board, expires_at=_now() - timedelta(days=1))
        own = self._conversation(user=owner)
        of_key = self._conversation(user=owner, api_key=self.key)
        of_site = self._conversation(embed_site=self.site)
        secrets = {"key": secret, "key elsewhere": elsewhere, "key expired": expired, "token": self.site.token}
        self.visits = {
            name: self._visit(
                name,
                {"key": of_key, "key elsewhere": of_key, "key expired": of_key, "token": of_site}.get(name, own),
                bearer=secrets.get(name, ""),
            )
            for name in COLUMNS
        }
        self.rows = self._rows_of_the_admin(own)

    def _visit(self, name: str, conversation: Conversation, *, bearer: str) -> Visit:
        from django.test import Client

        visit = Visit(Client(raise_request_exception=False))
        if user := self.users.get("another" if name == "link" else name):
            visit.client.force_login(user)
        if name == "deactivated":
            type(user).objects.filter(username=name).update(is_active=False)
        if bearer:
            visit.headers["authorization"] = f"Bearer {bearer}"
        run = conversation.runs.get()
        visit.values = {
            "conversation_id": str(conversation.pk),
            "session_id": str(conversation.pk),
            "key_id": str(self.key.pk),
            "run_id": str(run.pk),
            "document_id": str(self.document.pk),
            "page": "1",
            "app_label": "chatsite",
            "name": self.agent.name,
        }
        attached = conversation.files().first() or self.document
        visit.values_of["chatsite:api-attachment"] = {"document_id": str(attached.pk)}
        if name == "link":
            visit.values_of["chatsite:shared"] = {"token": conversation.share.token}
        if name == "token":
            from chatsite.reader import visitor_of

            passage = visitor_of(self.site).link(self.document.pk, start=0, end=10)
            visit.values |= {"token": self.site.token, "passage": passage.split("/passages/")[1].split("/")[0]}
        return visit

    def _put(self, collection: Any, filename: str, raw: bytes) -> Document:
        from django.core.files.base import ContentFile

        from retrieval.ingestion import ingest

        document, _ = ingest.add_document(collection, file=ContentFile(raw, name=filename), filename=filename)
        while ingest.ingest_next():
            pass
        document.refresh_from_db()
        return document

    def _key(self, collection: Any, **fields: Any) -> tuple[Any, str]:
        from chatsite.models import ApiKey

        key = ApiKey(name="robot", user=self.users["owner"], **fields)
        secret = key.make_secret()
        key.save()
        key.collections.add(collection)
        return key, secret

    def _conversation(self, **fields: Any) -> Conversation:
        from chatsite.models import Citation, Conversation, Feedback, Run, Share
        from retrieval.models import Collection

        conversation = Conversation.objects.create(title="Kettle", **fields)
        run = Run.objects.create(
            conversation=conversation, question="Where is the kettle?", mode="retrieval", state="completed",
            ended_at=_now(), answered=True, answer=f"“{PHRASE}” [1]",
        )  # fmt: skip
        Citation.objects.create(run=run, marker=1, document=self.document, start=0, end=len(PHRASE), quote=PHRASE)
        Feedback.objects.create(run=run, helpful=True)
        Share.objects.create(conversation=conversation)
        if owner := fields.get("user"):
            slug = f"attached-{conversation.pk}"
            conversation.attachments = Collection.objects.create(name=slug, slug=slug, owner=owner, hidden=True)
            conversation.save()
            self._put(conversation.attachments, "attached.md", f"Attached to {conversation.pk}.".encode())
        return conversation

    def _rows_of_the_admin(self, own: Conversation) -> dict[str, Any]:
        """Return a row of each model that the admin shows, by the model's name."""
        from axes.models import AccessAttempt, AccessFailureLog, AccessLog
        from django.contrib import admin

        from chatsite.models import (
            Gap,
            GapQuestion,
            ModelPrice,
            PromptEvaluation,
            PromptVersion,
            SavedQuestion,
            Workflow,
            WorkflowRun,
            WorkflowTrigger,
        )

        AccessAttempt.objects.create(username="owner", ip_address="192.0.2.1", failures_since_start=1)
        AccessLog.objects.create(username="owner", ip_address="192.0.2.1")
        AccessFailureLog.objects.create(username="owner", ip_address="192.0.2.1")
        GapQuestion.objects.create(gap=Gap.objects.create(question="Where is it?"), run=own.runs.get())
        draft = PromptVersion.objects.create(instructions="Be brief.")
        PromptEvaluation.objects.create(prompt=draft, state="completed", ended_at=_now())
        SavedQuestion.objects.create(question="Where is the kettle?")
        ModelPrice.objects.create(model="of-our-own", input=1, output=2)
        workflow = Workflow.objects.create(slug="kettle", title="Kettle", draft=f"# {PHRASE}\n")
        WorkflowRun.objects.create(workflow=workflow, text="", state="completed", ended_at=_now())
        WorkflowTrigger.objects.create(workflow=workflow, kind="document", run_as=self.users["owner"], next_due=_now())
        from retrieval.models import SyncedSource

        site = {"url": "https://docs.example.org/", "delay": 1}
        self.source = SyncedSource.objects.create(collection=self.board, name="Site", kind="sitemap", settings=site)
        rows = {}
        for model in admin.site._registry:
            name = model._meta.model_name or ""
            chosen = {"conversation": own, "run": own.runs.get(), "document": self.document, "collection": self.board}
            row = chosen.get(name) or model._default_manager.order_by("pk").first()
            rows[f"{model._meta.app_label}_{name}"] = row.pk if row else NO_ID
        return rows

    # ---- calls ----
    def status(self, route: Route, verb: str, column: str) -> int:
        """Return what this client is answered, and leave nothing changed."""
        from django.contrib.auth.models import Permission
        from django.db import transaction

        visit = self.visits[column]
        values = visit.values | visit.values_of.get(route.name, {}) | self._admin_values(route)
        address = route.filled(values)
        with contextlib.suppress(_RolledBack), transaction.atomic():
            permission = permission_of(route) or API.get(f"{verb.upper()} {route.name}")
            if column == "right" and permission:
                app_label, codename = permission.split(".")
                self.users["right"].user_permissions.add(
                    *Permission.objects.filter(content_type__app_label=app_label, codename=codename)
                )
            status = self._call(visit, verb, address, route)
            raise _RolledBack
        return status

    def _admin_values(self, route: Route) -> dict[str, str]:
        model = route.name.removeprefix("admin:").rpartition("_")[0]
        named = next((row for name, row in self.rows.items() if route.name.startswith(f"admin:{name}_")), NO_ID)
        row = str(self.rows.get(model, named))
        source = str(self.source.pk)
        return (
            {"object_id": row, "pk": row, "id": row, "content_type_id": "1", "source_pk": source}
            if "admin:" in route.name
            else {}
        )

    def _call(self, visit: Visit, verb: str, address: str, route: Route) -> int:
        body, options = self._body(visit, verb, route)
        cookies = visit.client.cookies.copy()
        call = getattr(visit.client, verb)
        response = call(address, body, headers=visit.headers, **options)
        visit.client.cookies = cookies  # also after signing out
        if response.streaming:
            for _ in response.streaming_content:
                pass
        return int(response.status_code)

    def _body(self, visit: Visit, verb: str, route: Route) -> tuple[Any, dict[str, str]]:
        from django.core.files.uploadedfile import SimpleUploadedFile

        if verb == "get":
            in_query = route.name == "chatsite:api-attachments"
            return {"session_id": visit.values["conversation_id"]} if in_query else {}, {}
        if route.name == "chatsite:api-attachments":
            return {"file": SimpleUploadedFile("new.md", b"New.")}, {}
        fields: dict[str, Any] = BODIES.get(route.name, {})
        if route.address.startswith(("/api/", "/v1/", "/mcp")) or verb != "post":
            return fields, {"content_type": "application/json"}
        return fields, {}


class _RolledBack(Exception):
    """Ends a call's transaction."""


def _now() -> Any:
    from django.utils import timezone

    return timezone.now()


def _pdf(text: str) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(file := io.BytesIO())
    canvas.drawString(72, 700, text)
    canvas.save()
    return file.getvalue()
