"""django CMS's pages as documents, one for each language of a page: with the text that it shows to anybody, and the
rights and the address that it has on the site.

    documents(PageUrl, collection="pages")(CMSPages)

A PageUrl is a page in one language, and stays while versions of its content come and go. It needs django CMS:
`pip install "django-docchat[djangocms]"`. This is the one module that imports it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, cast

from cms.models import (
    ACCESS_CHILDREN,
    ACCESS_DESCENDANTS,
    ACCESS_PAGE,
    ACCESS_PAGE_AND_CHILDREN,
    ACCESS_PAGE_AND_DESCENDANTS,
    CMSPlugin,
    GlobalPagePermission,
    Page,
    PageContent,
    PagePermission,
    Placeholder,
)
from cms.operations import MOVE_PAGE
from cms.signals import post_obj_operation, post_placeholder_operation
from cms.toolbar.toolbar import EmptyToolbar
from cms.utils.conf import get_cms_setting
from cms.utils.i18n import get_language_list, get_public_languages
from cms.utils.placeholder import get_declared_placeholders_for_obj
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sites.models import Site
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Substr
from django.db.models.lookups import In
from django.db.models.signals import ModelSignal, post_delete, post_save, pre_delete
from django.dispatch import Signal
from django.http import HttpRequest
from django.template import Engine, RequestContext
from django.utils.translation import override

from retrieval.model_documents.declaring import ModelDocuments

_SHOWN = "{% load cms_tags %}{% for one in placeholders %}{% render_uncached_placeholder one language %}\n{% endfor %}"


class CMSPages(ModelDocuments):
    """Pages that can be come to in a language: declare it for `PageUrl`.

    Their text is what the plugins of the placeholders of their template show to somebody who is not signed in; `slots`
    names some of these placeholders. `languages` (codes) and `sites` (domains) leave out the pages of others; empty:
    none.
    """

    ending: ClassVar[str] = "html"
    languages: ClassVar[Iterable[str]] = ()
    sites: ClassVar[Iterable[str]] = ()
    slots: ClassVar[Iterable[str]] = ()

    @property
    def collection_name(self) -> str:
        return str(Page._meta.verbose_name_plural)

    def queryset(self) -> QuerySet[Any]:
        """Return the pages that have an address and published content. A page that leads elsewhere shows none of it,
        and where an application is hooked in, its views decide what is shown."""
        content = PageContent.objects.filter(page=OuterRef("page"), language=OuterRef("language"))
        shown: Any = self.model._default_manager.filter(path__isnull=False, page__is_page_type=False)
        shown = shown.filter(Q(page__application_urls=None) | Q(page__application_urls=""))
        shown = shown.filter(Exists(content.filter(Q(redirect=None) | Q(redirect=""))))
        if self.languages:
            shown = shown.filter(language__in=[*self.languages])
        if self.sites:
            shown = shown.filter(page__site__domain__in=[*self.sites])
        return cast("QuerySet[Any]", shown.select_related("page__site"))

    def visible_to(self, user: Any) -> QuerySet[Any]:
        """Return the pages that the site shows to `user`: as `cms.views.details` and `user_can_view_page` decide it for
        one page, here in SQL for all."""
        shown = self.queryset().filter(_served(get_language_list if user.is_staff else get_public_languages))
        if not user.is_authenticated:
            shown = shown.filter(page__login_required=False)
        for_everybody = get_cms_setting("PUBLIC_FOR") == "all" or user.is_staff
        if user.is_superuser:
            return shown
        if not get_cms_setting("PERMISSION"):
            return shown if for_everybody else shown.none()
        restricted = _covered(PagePermission.objects.filter(can_view=True))
        passes = ~restricted if for_everybody else Q(pk__in=[])
        if user.is_authenticated and user.has_perm("cms.view_page"):
            passes = Q()
        elif user.is_authenticated:  # whoever may change a page may view it
            grants = Q(can_view=True) | (Q(can_change=True) if user.has_perm("cms.change_page") else Q(pk__in=[]))
            passes |= restricted & _covered(PagePermission.objects.with_user(user).filter(grants))
            everywhere = GlobalPagePermission.objects.with_user(user).filter(grants)
            passes |= Q(Exists(everywhere.filter(Q(sites=None) | Q(sites=OuterRef("page__site")))))
        return shown.filter(passes)

    def text(self, row: Any) -> str:
        """Return what its plugins show, as they are rendered for a request of nobody in particular: each plugin may
        keep its text where it likes, and fields that it never shows stay out."""
        content = _content(row)
        if not content:
            return ""
        filled = {one.slot: one for one in Placeholder.objects.get_for_obj(content)}
        declared = [one.slot for one in get_declared_placeholders_for_obj(content)]
        placeholders = [filled[slot] for slot in declared if slot in filled and (not self.slots or slot in self.slots)]
        with override(row.language):
            told = {"placeholders": placeholders, "language": row.language}
            return str(Engine.get_default().from_string(_SHOWN).render(RequestContext(_Visit(row), told)))

    def title(self, row: Any) -> str:
        return str(_content(row).title)

    def url(self, row: Any) -> str:
        """Return its address in its language; where the project serves several sites, with the one of its own."""
        path = str(row.page.get_absolute_url(row.language, fallback=False) or "")
        if _site_id() is not None or not path:
            return path
        return f"{'https' if settings.SECURE_SSL_REDIRECT else 'http'}://{row.page.site.domain}{path}"

    def follow_signals(self, note: Callable[[Iterable[Any]], None]) -> None:
        """Note the pages that show a plugin, in an alias as well, and those whose address changes with another's. What
        code writes without a signal, as `Page.move_page` and `Page.set_as_homepage` do, is found by `sync_models`."""

        def plugin_changed(instance: Any, **_: Any) -> None:
            note(self._showing([instance.placeholder_id]))

        def plugins_moved(**told: Any) -> None:
            note(self._showing([one.pk for one in told.values() if isinstance(one, Placeholder)]))

        def content_changed(instance: Any, **_: Any) -> None:
            if type(instance).objects.filter(pk=instance.pk).exists():  # no draft
                note(self._with_content(instance))

        def version_changed(obj: Any, operation: str, to_be_published: Any = None, **_: Any) -> None:
            if operation in ("operation_publish", "operation_unpublish"):
                ends = operation == "operation_unpublish" and to_be_published is None
                note(self._with_content(obj.content, ends=ends))

        def page_changed(instance: Any, **_: Any) -> None:
            note(self._keys(page=instance.pk))

        def page_moved(operation: str, obj: Any = None, **_: Any) -> None:
            if operation == MOVE_PAGE:
                note(self._below(obj))

        def site_changed(**_: Any) -> None:
            note(self._keys())

        def connect(receiver: Callable[..., None], *signals: Signal | ModelSignal, sender: Any = None) -> None:
            for signal in signals:
                uid = f"docchat {self.label} {receiver.__name__}"
                signal.connect(receiver, sender=sender, weak=False, dispatch_uid=uid)

        for kind in apps.get_models():
            if issubclass(kind, CMSPlugin):
                connect(plugin_changed, post_save, pre_delete, sender=kind)
            elif issubclass(kind, Page):
                connect(page_changed, post_save, sender=kind)
        for content in (PageContent, *_alias_models()[:1]):
            connect(content_changed, post_save, pre_delete, sender=content)
        if apps.is_installed("djangocms_versioning"):
            from djangocms_versioning.signals import post_version_operation, pre_version_operation

            for content in (PageContent, *_alias_models()[:1]):  # before: what the address was; after: what is shown
                connect(version_changed, pre_version_operation, post_version_operation, sender=content)
        connect(plugins_moved, post_placeholder_operation)
        connect(page_moved, post_obj_operation)
        connect(site_changed, post_save, post_delete, sender=Site)

    def _keys(self, *conditions: Any, **fields: Any) -> list[Any]:
        return [*self.model._base_manager.filter(*conditions, **fields).values_list("pk", flat=True)]

    def _below(self, page: Any) -> list[Any]:
        """Return the keys of a page and of those below it."""
        path = Page.objects.values_list("path", flat=True).get(pk=page.pk)
        return self._keys(page__path__startswith=path)

    def _with_content(self, content: Any, *, ends: bool = False) -> list[Any]:
        """Return the keys of the pages that show this content, and where it gives its page another address, or `ends`
        with it, of those below."""
        if not isinstance(content, PageContent):
            return self._showing(content.placeholders.values_list("pk", flat=True))
        page, language = content.page, content.language
        address = page.get_url_data(content.slug, content.overwrite_url, language)
        if ends or not page.urls.filter(language=language, **address).exists():
            return self._below(page)
        return self._keys(page=page.pk, language=language)

    def _showing(self, placeholders: Iterable[Any]) -> list[Any]:
        """Return the keys of the pages that show these placeholders, through aliases as well."""
        found, new = set[Any](), {*placeholders}
        while new:
            found |= new
            new = {*_placeholders_of_aliases(new)} - found
        shown = PageContent.objects.filter(pk__in=_holders(found, PageContent))
        return self._keys(Exists(shown.filter(page=OuterRef("page"), language=OuterRef("language"))))


class _Visit(HttpRequest):
    """A request for a page at its address, of somebody who is not signed in, as far as plugins look at it."""

    def __init__(self, row: Any) -> None:
        super().__init__()
        self.method = "GET"
        self.path = self.path_info = str(row.page.get_absolute_url(row.language, fallback=False) or "/")
        self.site, self.current_page, self.LANGUAGE_CODE = row.page.site, row.page, row.language
        self.user, self.session, self.toolbar = AnonymousUser(), SessionBase(), EmptyToolbar(self)

    def get_host(self) -> str:
        return str(self.site.domain)


def _content(row: Any) -> Any:
    """Return the published content of a page in its language: false where there is none."""
    return row.page.get_content_obj(row.language, fallback=False)


def _site_id() -> int | None:
    return getattr(settings, "SITE_ID", None)


def _served(languages_of: Callable[[int], list[str]]) -> Q:
    """Return the condition for pages of the site that this project serves, or of all where no SITE_ID names it, in the
    languages that each of them has."""
    served = _site_id()
    sites = defaultdict[tuple[str, ...], list[int]](list)
    for pk in [served] if served is not None else Site.objects.values_list("pk", flat=True):
        sites[tuple(languages_of(pk))].append(pk)
    condition = Q(pk__in=[])
    for languages, some in sites.items():
        condition |= Q(page__site__in=some, language__in=languages)
    return condition


def _covered(grants: Any) -> Q:
    """Return the condition for pages on which these permissions are granted. It has a part for each depth of the tree,
    not for each permission."""
    grants = grants.filter(page__isnull=False).order_by()
    itself = grants.filter(grant_on__in=[ACCESS_PAGE, ACCESS_PAGE_AND_CHILDREN, ACCESS_PAGE_AND_DESCENDANTS])
    children = grants.filter(grant_on__in=[ACCESS_CHILDREN, ACCESS_PAGE_AND_CHILDREN])
    below = grants.filter(grant_on__in=[ACCESS_DESCENDANTS, ACCESS_PAGE_AND_DESCENDANTS])
    covered = Q(page__in=itself.values("page")) | Q(page__parent__in=children.values("page"))
    for depth in {*below.values_list("page__depth", flat=True)}:
        paths = below.filter(page__depth=depth).values("page__path")
        covered |= Q(In(Substr("page__path", 1, depth * Page.steplen), paths.query)) & Q(page__depth__gt=depth)
    return covered


def _alias_models() -> list[Any]:
    """Return what djangocms-alias keeps the content of aliases in, and the plugins that show them."""
    if not apps.is_installed("djangocms_alias"):
        return []
    return [apps.get_model("djangocms_alias", name) for name in ("AliasContent", "AliasPlugin")]


def _placeholders_of_aliases(placeholders: Iterable[Any]) -> list[Any]:
    """Return the placeholders that show the aliases whose published content is in these placeholders."""
    if not (models := _alias_models()):
        return []
    content, plugin = models
    shown = content.objects.filter(pk__in=_holders(placeholders, content))
    return [*plugin.objects.filter(alias__contents__in=shown).values_list("placeholder", flat=True)]


def _holders(placeholders: Iterable[Any], model: Any) -> QuerySet[Any]:
    """Return the keys of the rows of this model that have one of these placeholders."""
    kind = ContentType.objects.get_for_model(model)
    return cast(
        "QuerySet[Any]", Placeholder.objects.filter(pk__in=[*placeholders], content_type=kind).values("object_id")
    )
