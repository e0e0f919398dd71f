"""Forums."""

from __future__ import annotations

from benchmarks.projects.declared import Project

MACHINA = [
    "mptt", "haystack", "widget_tweaks", "machina", "machina.apps.forum", "machina.apps.forum_conversation",
    "machina.apps.forum_conversation.forum_attachments", "machina.apps.forum_conversation.forum_polls",
    "machina.apps.forum_feeds", "machina.apps.forum_moderation", "machina.apps.forum_search",
    "machina.apps.forum_tracking", "machina.apps.forum_member", "machina.apps.forum_permission",
]  # fmt: skip
FORUMS = (
    Project(
        package="django-machina",
        version="1.3.1",
        kind="forum with rights",
        model="forum_conversation.Topic",
        apps=MACHINA,
        settings="""
from machina import MACHINA_MAIN_TEMPLATE_DIR
TEMPLATES[0]["DIRS"] += [MACHINA_MAIN_TEMPLATE_DIR]
TEMPLATES[0]["OPTIONS"]["context_processors"] += ["machina.core.context_processors.metadata"]
MIDDLEWARE += ["machina.apps.forum_permission.middleware.ForumPermissionMiddleware"]
CACHES = {name: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": name}
          for name in ("default", "machina_attachments")}
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
""",
        urls='path("forum/", include("machina.urls")),',
        met="No `get_absolute_url`; rights are a handler's, not the manager's",
        docchat="""
from django.urls import reverse
from machina.apps.forum.models import Forum
from machina.apps.forum_conversation.models import Topic
from machina.apps.forum_permission.handler import PermissionHandler as Rights
from retrieval.model_documents import ModelDocuments, documents

@documents(Topic, collection="topics")
class TopicDocuments(ModelDocuments):
    fields, related = ["posts__content"], ["posts"]
    def url(self, t): return reverse("forum_conversation:topic", args=[t.forum.slug, t.forum_id, t.slug, t.pk])
    def visible_to(self, u): return Topic.objects.filter(forum__in=Rights().get_readable_forums(Forum.objects.all(), u))
""",
        rows="""
from machina.apps.forum.models import Forum
from machina.apps.forum_conversation.models import Post, Topic
forum = Forum.objects.create(name="Harbour", type=Forum.FORUM_POST)
row = Topic.objects.create(
    forum=forum, poster=reader, subject="The ferry", type=Topic.TOPIC_POST, status=Topic.TOPIC_UNLOCKED
)
Post.objects.create(topic=row, poster=reader, subject="The ferry", content=TEXT)
""",
        change="post = row.posts.get(); post.content = TEXT; post.save()",
    ),
)
