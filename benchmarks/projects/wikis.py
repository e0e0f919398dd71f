"""Wikis and forums."""

from __future__ import annotations

from benchmarks.projects.declared import Project, Suite

WIKIS = (
    Project(
        package="django-wakawaka",
        version="1.7",
        kind="wiki",
        model="wakawaka.WikiPage",
        apps=["wakawaka"],
        urls='path("wiki/", include("wakawaka.urls")),',
        met="No `get_absolute_url`; the text is in rows of another model: `related`",
        docchat="""
from django.urls import reverse
from wakawaka.models import WikiPage
from retrieval.model_documents import ModelDocuments, documents

@documents(WikiPage, collection="wiki")
class WikiPageDocuments(ModelDocuments):
    fields, related = ["current__content"], ["revisions"]
    def url(self, page): return reverse("wakawaka_page", args=[page.slug])
""",
        rows="""
from wakawaka.models import Revision, WikiPage
row = WikiPage.objects.create(slug="IslandFerry")
Revision.objects.create(page=row, content=TEXT)
""",
        change="row.revisions.create(content=TEXT)",
        suite=Suite(
            ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--ds={settings}", "wakawaka"],
            "wakawaka.tests.test_project.settings",
        ),
    ),
    Project(
        package="wiki",
        version="0.13.0",
        kind="wiki with rights (django-wiki)",
        model="wiki.Article",
        apps=[
            "django.contrib.sites",
            "django.contrib.humanize",
            "django_nyt.apps.DjangoNytConfig",
            "mptt",
            "sekizai",
            "sorl.thumbnail",
            "wiki.apps.WikiConfig",
            "wiki.plugins.attachments.apps.AttachmentsConfig",
        ],
        settings="""
SITE_ID = 1
TEMPLATES[0]["OPTIONS"]["context_processors"] += [
    "django.template.context_processors.i18n", "django.template.context_processors.media",
    "django.template.context_processors.static", "django.template.context_processors.tz",
    "sekizai.context_processors.sekizai",
]
""",
        urls='path("notifications/", include("django_nyt.urls")), path("wiki/", include("wiki.urls")),',
        met="A page is taken back by a revision: `active()` in `visible_to` says so at once",
        docchat="""
from wiki.models import Article
from retrieval.model_documents import ModelDocuments, documents

@documents(Article, collection="wiki")
class ArticleDocuments(ModelDocuments):
    fields = ["current_revision__content"]
    def visible_to(self, user): return Article.objects.active().can_read(user)
""",
        rows="""
from wiki.models import URLPath
row = URLPath.create_root(title="The ferry", content=TEXT).article
""",
        change="""
from wiki.models import ArticleRevision
row.add_revision(ArticleRevision(title="The ferry", content=TEXT))
""",
        hide="""
from wiki.models import ArticleRevision
row.add_revision(ArticleRevision(title="The ferry", content="", deleted=True))
""",
    ),
    Project(
        package="django-powerwiki",
        version="0.5.1",
        kind="wiki, one for each team",
        model="powerwiki.Page",
        apps=["powerwiki"],
        urls='path("wiki/", include("powerwiki.urls")),',
        met="Its own `can_read` raises for everybody but superusers; the rule is said anew",
        docchat="""
from powerwiki.models import Page, Wiki
from retrieval.model_documents import ModelDocuments, documents

@documents(Page, collection="wiki")
class PageDocuments(ModelDocuments):
    fields = ["content"]
    def visible_to(self, user): return Page.objects.filter(wiki__perm_read=0)
""",
        rows="""
from powerwiki.models import Page, Wiki
home = Wiki.objects.create(title="Harbour", slug="harbour", perm_read=0)
row = Page.objects.create(wiki=home, title="The ferry", path="ferry", content=TEXT)
""",
        change="row.content = TEXT; row.save()",
    ),
)
