"""Blogs, and what else is published as articles."""

from __future__ import annotations

from benchmarks.projects.declared import Project, Suite

BLOGS = (
    Project(
        package="djpress",
        version="0.33.0",
        kind="blog",
        model="djpress.Post",
        apps=["djpress.apps.DjpressConfig"],
        urls='path("", include("djpress.urls")),',
        met="Its default manager has drafts: `visible_to` names the other; `url`, without its prefix, is its address",
        docchat="""
from djpress.models import Post
from retrieval.model_documents import ModelDocuments, documents

@documents(Post, collection="posts")
class PostDocuments(ModelDocuments):
    fields = ["content"]
    def url(self, post): return post.url
    def visible_to(self, user): return Post.objects.all()
""",
        rows="""
from djpress.models import Post
row = Post.objects.create(title="The ferry", content=TEXT, author=reader, status="published")
""",
        change="row.content = TEXT; row.save()",
        hide='row.status = "draft"; row.save()',
    ),
    Project(
        package="django-newsfeed",
        version="1.0.0",
        kind="newsletter",
        model="newsfeed.Issue",
        apps=["newsfeed"],
        urls='path("news/", include("newsfeed.urls", namespace="newsfeed")),',
        docchat="""
from newsfeed.models import Issue
from retrieval.model_documents import ModelDocuments, documents

@documents(Issue, collection="issues")
class IssueDocuments(ModelDocuments):
    fields, related = ["short_description", "posts__short_description"], ["posts"]
    def visible_to(self, user): return Issue.objects.released()
""",
        rows="""
from django.utils import timezone
from newsfeed.models import Issue, Post
row = Issue.objects.create(
    title="The harbour", issue_number=1, publish_date=timezone.now(), short_description=TEXT
)
Post.objects.create(issue=row, title="The quay", source_url="https://example.org", short_description="It is new.")
""",
        change="row.short_description = TEXT; row.save()",
        hide="row.is_draft = True; row.save()",
    ),
    Project(
        package="django-blog-core",
        version="0.1.7",
        kind="several blogs",
        model="blog_core.Article",
        needs=["markdown"],
        apps=["blog_core"],
        urls='path("blogs/", include("blog_core.urls")),',
        docchat="""
from blog_core.models import Article
from retrieval.model_documents import ModelDocuments, documents

@documents(Article, collection="articles")
class ArticleDocuments(ModelDocuments):
    fields = ["teaser", "body"]
    def visible_to(self, user): return Article.objects.public()
""",
        rows="""
from django.utils import timezone
from blog_core.models import Article, Blog
blog = Blog.objects.create(name="Harbour", slug="harbour")
row = Article.objects.create(
    blog=blog, title="The ferry", slug="ferry", body=TEXT, state="published", publish_at=timezone.now()
)
""",
        change="row.body = TEXT; row.save()",
        hide='row.state = "draft"; row.save()',
    ),
    Project(
        package="django-photologue",
        version="3.20",
        kind="galleries of photographs",
        model="photologue.Gallery",
        apps=["django.contrib.sites", "sortedm2m", "photologue"],
        settings="SITE_ID = 1",
        urls='path("photos/", include("photologue.urls", namespace="photologue")),',
        docchat="""
from photologue.models import Gallery
from retrieval.model_documents import ModelDocuments, documents

@documents(Gallery, collection="galleries")
class GalleryDocuments(ModelDocuments):
    fields, related, ending = ["description", "photos__caption"], ["photos"], "html"
    def visible_to(self, user): return Gallery.objects.on_site().is_public()
""",
        rows="""
from photologue.models import Gallery
row = Gallery.objects.create(title="The ferry", slug="ferry", description=TEXT)
""",
        change="row.description = TEXT; row.save()",
        hide="row.is_public = False; row.save()",
        suite=Suite(
            ["-m", "django", "test", "photologue", "--settings={settings}"], needs=["factory-boy"], in_wheel=True
        ),
    ),
    Project(
        package="django-easy-faq",
        version="1.10",
        kind="questions and answers",
        model="faq.Question",
        apps=["faq"],
        settings="FAQ_SETTINGS = []",
        urls='path("faq/", include("faq.urls")),',
        met="The answers' relation had two names; mended",
        docchat="""
from faq.models import Question
from retrieval.model_documents import ModelDocuments, documents

@documents(Question, collection="faq")
class QuestionDocuments(ModelDocuments):
    fields, related = ["question", "answer_set__answer"], ["answer"]
""",
        rows="""
from faq.models import Answer, Category, Question
kind = Category.objects.create(name="Harbour")
row = Question.objects.create(category=kind, question="How do I get to the island?")
Answer.objects.create(question=row, answer=TEXT)
""",
        change="answer = row.answer_set.get(); answer.answer = TEXT; answer.save()",
        suite=Suite(["-m", "django", "test", "faq", "--settings={settings}"], in_wheel=True),
    ),
    Project(
        package="django-scheduler",
        version="0.12.0",
        kind="calendar of events",
        model="schedule.Event",
        apps=["schedule"],
        urls='path("events/", include("schedule.urls")),',
        docchat="""
from schedule.models import Event
from retrieval.model_documents import ModelDocuments, documents

@documents(Event, collection="events")
class EventDocuments(ModelDocuments):
    fields = ["description"]
""",
        rows="""
from datetime import timedelta
from django.utils import timezone
from schedule.models import Calendar, Event
calendar = Calendar.objects.create(name="Harbour", slug="harbour")
begins = timezone.now()
ends = begins + timedelta(hours=1)
row = Event.objects.create(title="The ferry", description=TEXT, start=begins, end=ends, calendar=calendar)
""",
        change="row.description = TEXT; row.save()",
    ),
)
