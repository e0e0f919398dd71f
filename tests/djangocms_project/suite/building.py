"""Pages as editors make them, with versions or, where djangocms-versioning is not installed, without."""

from cms.api import add_plugin, create_page, create_page_content
from cms.models import Page, PageContent, PagePermission
from django.apps import apps
from django.contrib.auth.models import Permission, User

from retrieval.model_documents.following import follow
from retrieval.models import Document

VERSIONED = apps.is_installed("djangocms_versioning")
TITLE = "The old orchard"
TEXT = "The old orchard opens on 4 May."
OPENING = "When does the old orchard open?"
FLAGS = PagePermission.get_all_permissions()


def editor():
    return User.objects.get_or_create(username="editor", defaults={"is_staff": True, "is_superuser": True})[0]


def page(title=TITLE, text=TEXT, language="en", *, published=True, is_page_type=False, **fields):
    one = create_page(title, "garden/page.html", language, created_by=editor(), **fields)
    Page.objects.filter(pk=one.pk).update(is_page_type=is_page_type)
    if text:
        say(one, text, language=language)
    if published:
        publish(one, language)
    return Page.objects.get(pk=one.pk)


def translate(one, title, text, language, *, published=True):
    create_page_content(language, title, one, created_by=editor(), template="garden/page.html")
    say(one, text, language=language)
    if published:
        publish(one, language)


def content(one, language="en"):
    """Return what editors see of a page: a draft, where there is one."""
    return PageContent.admin_manager.latest_content(page=one, language=language).get()


def slot(of, name="content"):
    return of.rescan_placeholders()[name]


def say(one, text, *, language="en", name="content"):
    return add_plugin(slot(content(one, language), name), "TextPlugin", language, body=f"<p>{text}</p>")


def publish(one, language="en"):
    if VERSIONED:
        content(one, language).versions.get().publish(editor())
    Page.objects.get(pk=one.pk).update_urls_from_content(language)


def address(one, language="en"):
    return Page.objects.get(pk=one.pk).get_absolute_url(language, fallback=False)


def follow_all():
    while follow():
        pass


def read(documents):
    """Bring the documents in step with the pages, so that nothing is noted of these any more."""
    follow_all()
    documents.follow()


def document(title=TITLE):
    return Document.objects.get(title=title)


def text_of(title=TITLE):
    with document(title).file.open() as stored:
        return stored.read().decode()


def seen_by(user):
    return {one.title for one in Document.objects.visible_to(user)}


def said(client, run):
    """Return the answer of a run as its reader is told it now."""
    return client.get(f"/ask/api/v1/chat/runs/{run}").json()["answer"]


def grant(*, kind=PagePermission, flag="can_view", **fields):
    return kind.objects.create(**{name: name == flag for name in FLAGS}, **fields)


def permit(user, codename):
    user.user_permissions.add(Permission.objects.get(content_type__app_label="cms", codename=codename))
