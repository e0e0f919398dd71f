"""Pages, planets, calendars: what has trees, generic relations or a model of another one's."""

from __future__ import annotations

from benchmarks.projects.declared import Project, Suite

READERS = (
    Project(
        package="django-planet",
        version="1.1.1",
        kind="posts of other blogs",
        model="planet.Post",
        apps=["pagination", "planet"],
        settings='MIDDLEWARE += ["pagination.middleware.PaginationMiddleware"]',
        urls='path("planet/", include("planet.urls")),',
        docchat="""
from planet.models import Post
from retrieval.model_documents import ModelDocuments, documents

@documents(Post, collection="planet")
class PostDocuments(ModelDocuments):
    fields, ending = ["content"], "html"
    def visible_to(self, user): return Post.objects.filter(feed__is_active=True)
""",
        rows="""
from django.utils import timezone
from planet.models import Blog, Feed, Post
blog = Blog.objects.create(title="Harbour", url="https://example.org")
feed = Feed.objects.create(blog=blog, url="https://example.org/feed", title="Harbour", guid="harbour", is_active=True)
row = Post.objects.create(
    feed=feed, title="The ferry", url="https://example.org/ferry", guid="ferry", content=f"<p>{TEXT}</p>",
    date_published=timezone.now(),
)
""",
        change='row.content = f"<p>{TEXT}</p>"; row.save()',
        hide="row.feed.is_active = False; row.feed.save()",
    ),
    Project(
        package="kioblog",
        version="0.2.4",
        kind="blog in Markdown",
        model="kioblog.Post",
        apps=["django.contrib.sites", "django.contrib.sitemaps", "robots", "markdownx", "kioblog"],
        settings="""
SITE_ID = 1
UPLOAD_TO = "kioblog"
TEMPLATES[0]["OPTIONS"]["context_processors"] += [
    "kioblog.context_preprocessors.kioblog_settings", "kioblog.context_preprocessors.kioblog_categories",
]
""",
        urls='path("blog/", include("kioblog.urls")),',
        met="No `get_absolute_url`",
        docchat="""
from django.urls import reverse
from kioblog.models import Post
from retrieval.model_documents import ModelDocuments, documents

@documents(Post, collection="posts")
class PostDocuments(ModelDocuments):
    fields, related = ["content", "comments__content"], ["comments"]
    def url(self, post): return reverse("kioblog-post", args=[post.slug])
    def visible_to(self, user): return Post.objects.filter(draft=False)
""",
        rows="""
from kioblog.models import Category, Post
kind = Category.objects.create(title="Harbour", slug="harbour")
row = Post.objects.create(title="The ferry", slug="ferry", content=TEXT, user=reader, category=kind, image="")
""",
        change="row.content = TEXT; row.save()",
        hide="row.draft = True; row.save()",
        suite=Suite(["-m", "django", "test", "kioblog", "--settings={settings}"], in_wheel=True),
    ),
    Project(
        package="django-swingtime",
        version="3.1.0",
        kind="events with notes on anything",
        model="swingtime.Event",
        apps=["swingtime"],
        urls='path("events/", include("swingtime.urls")),',
        met="Notes hang on a generic relation; it ships no templates, so a citation opens in the reader",
        docchat="""
from swingtime.models import Event
from retrieval.model_documents import ModelDocuments, documents

@documents(Event, collection="events")
class EventDocuments(ModelDocuments):
    fields, related = ["description", "notes__note"], ["notes"]
    def url(self, event): return ""
""",
        rows="""
from swingtime.models import Event, EventType
kind = EventType.objects.create(abbr="f", label="Ferry")
row = Event.objects.create(title="The ferry", description="Crossing", event_type=kind)
row.notes.create(note=TEXT)
""",
        change="note = row.notes.get(); note.note = TEXT; note.save()",
        opens=False,
    ),
    Project(
        package="django-tos",
        version="1.3.0",
        kind="terms of service",
        model="tos.TermsOfService",
        apps=["tos"],
        urls='path("terms/", include("tos.urls")),',
        met="No `get_absolute_url`",
        docchat="""
from django.urls import reverse
from tos.models import TermsOfService
from retrieval.model_documents import ModelDocuments, documents

@documents(TermsOfService, collection="terms")
class TermsDocuments(ModelDocuments):
    fields, ending = ["content"], "html"
    def url(self, terms): return reverse("tos")
    def visible_to(self, user): return TermsOfService.objects.filter(active=True)
""",
        rows="""
from tos.models import TermsOfService
row = TermsOfService.objects.create(active=True, content=f"<p>{TEXT}</p>")
""",
        change='row.content = f"<p>{TEXT}</p>"; row.save()',
    ),
    Project(
        package="puput",
        version="2.2.0",
        kind="blog of Wagtail pages",
        model="puput.EntryPage",
        settings="""
from puput import PUPUT_APPS
INSTALLED_APPS += ["django.contrib.sites", "django.contrib.sitemaps", *PUPUT_APPS]
SITE_ID = 1
WAGTAIL_SITE_NAME = "Harbour"
WAGTAILADMIN_BASE_URL = "http://localhost"
MIDDLEWARE += ["wagtail.contrib.redirects.middleware.RedirectMiddleware"]
""",
        urls='path("", include("puput.urls")),',
        met="No `get_absolute_url`: Wagtail says `url`",
        docchat="""
from puput.models import EntryPage
from retrieval.model_documents import ModelDocuments, documents

@documents(EntryPage, collection="entries")
class EntryDocuments(ModelDocuments):
    fields, ending = ["body"], "html"
    def url(self, page): return page.url
    def visible_to(self, user): return EntryPage.objects.live().public()
""",
        rows="""
from datetime import datetime, timezone
from django.core.management import call_command
call_command("puput_initial_data")
from puput.models import BlogPage, EntryPage
blog = BlogPage.objects.get()
captain = User.objects.create_user("captain")
published = datetime(2026, 5, 4, tzinfo=timezone.utc)
row = EntryPage(title="The ferry", slug="ferry", body=f"<p>{TEXT}</p>", owner=captain, date=published)
blog.add_child(instance=row)
""",
        change='row.body = f"<p>{TEXT}</p>"; row.save_revision().publish()',
        hide="row.unpublish()",
    ),
)
