"""Tasks, tickets and messages: rows that not everybody may read."""

from __future__ import annotations

from benchmarks.projects.declared import Project, Suite

DESKS = (
    Project(
        package="django-helpdesk",
        version="2.6.1",
        kind="help desk",
        model="helpdesk.Ticket",
        apps=["django.contrib.sites", "django.contrib.humanize", "rest_framework", "helpdesk"],
        settings="SITE_ID = 1\nHELPDESK_TEAMS_MODE_ENABLED = False",
        urls='path("helpdesk/", include("helpdesk.urls")),',
        docchat="""
from helpdesk.models import Ticket
from helpdesk.user import HelpdeskUser
from retrieval.model_documents import ModelDocuments, documents

@documents(Ticket, collection="tickets")
class TicketDocuments(ModelDocuments):
    fields, related = ["description", "followup_set__comment"], ["followup"]
    def visible_to(self, user): return HelpdeskUser(user).accessible_tickets()
""",
        rows="""
from helpdesk.models import Queue, Ticket
queue = Queue.objects.create(title="Harbour", slug="harbour")
row = Ticket.objects.create(title="The ferry", description=TEXT, queue=queue)
""",
        change="row.description = TEXT; row.save()",
    ),
    Project(
        package="django-postman",
        version="4.6",
        kind="messages between users",
        model="postman.Message",
        apps=["postman"],
        urls='path("messages/", include("postman.urls", namespace="postman")),',
        met="`inbox()` raises for whoever isn't signed in: nobody reads, which is right",
        docchat="""
from postman.models import Message
from retrieval.model_documents import ModelDocuments, documents

@documents(Message, collection="messages")
class MessageDocuments(ModelDocuments):
    fields = ["body"]
    def visible_to(self, user): return Message.objects.inbox(user, option="messages")
""",
        rows="""
from postman.models import Message
other = User.objects.create_user("other")
row = Message.objects.create(subject="The ferry", body=TEXT, sender=other, recipient=reader, moderation_status="a")
""",
        change="row.body = TEXT; row.save()",
        hide="from django.utils.timezone import now\nrow.recipient_deleted_at = now(); row.save()",
        suite=Suite(
            ["-m", "django", "test", "postman", "--settings={settings}"],
            in_wheel=True,
            adds='INSTALLED_APPS += ["django.contrib.sites"]\nSITE_ID = 1\n',
        ),
    ),
)
