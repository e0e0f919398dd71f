"""Wagtail's pages as documents, with the text, the rights and the addresses that they have on the site.

    documents(Page, collection="pages")(WagtailPages)

It needs Wagtail: `pip install "django-docchat[wagtail]"`. This is the one module that imports it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, cast

from django.db.models import CharField, Model, Q, QuerySet, TextField
from django.db.models.functions import Substr
from django.db.models.lookups import In
from django.db.models.signals import post_delete, post_save
from django.utils import timezone
from django.utils.html import escape, linebreaks
from wagtail.blocks import ListBlock, RawHTMLBlock, RichTextBlock, StreamBlock, StructBlock
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Page, PageViewRestriction, Site
from wagtail.search.index import SearchField
from wagtail.signals import page_published, page_slug_changed, page_unpublished, post_page_move

from retrieval.model_documents.declaring import ModelDocuments

_HEADINGS = {"heading", "subheading", "title", "subtitle", "header"}  # what blocks of headings are called


class WagtailPages(ModelDocuments):
    """Pages that are live on a site, with their descendants' types: declare it for `Page` or for one type of page.

    Their text is what `fields` names, or else each StreamField and RichTextField and what the type names as a
    SearchField, in the order of the type. `locales` (codes, as in "en") and `sites` (host names) leave out the pages
    of others; empty: none.
    """

    ending: ClassVar[str] = "html"
    locales: ClassVar[Iterable[str]] = ()
    sites: ClassVar[Iterable[str]] = ()

    def queryset(self) -> QuerySet[Any]:
        """Return the pages that are live below the root of a site, each as its own type."""
        shown: Any = self.model._default_manager.filter(live=True, expired=False)
        shown = shown.filter(Q(expire_at=None) | Q(expire_at__gt=timezone.now()))
        if self.locales:
            shown = shown.filter(locale__language_code__in=[*self.locales])
        return cast("QuerySet[Any]", shown.filter(_below(self._roots())).specific())

    def visible_to(self, user: Any) -> QuerySet[Any]:
        """Return the pages whose view restrictions, their ancestors' among them, let `user` pass. Nobody passes a
        shared password here: it is given in a session."""
        hidden = [restriction.page for restriction in _restrictions() if not _accepts(restriction, user)]
        return self.queryset().exclude(_below(_with_aliases(hidden)))

    def text(self, row: Any) -> str:
        if self.fields:
            return "\n".join(filter(None, (self._html_of(row, name) for name in self.fields)))
        return "\n".join(filter(None, (self._html_of(row, name) for name in _told_fields(type(row)))))

    def title(self, row: Any) -> str:
        return str(row.title)

    def url(self, row: Any) -> str:
        return str(row.get_url() or "")

    def follow_signals(self, note: Callable[[Iterable[Any]], None]) -> None:
        """Note the pages whose address changes with another page's, and those that are published, when their children
        in the database have been saved as well."""

        def with_descendants(instance: Any, **_: Any) -> None:
            note(self.model._base_manager.filter(path__startswith=instance.path).values_list("pk", flat=True))

        def itself(instance: Any, **_: Any) -> None:
            if isinstance(instance, self.model):
                note([instance.pk])

        def every(**_: Any) -> None:
            note(self.model._base_manager.values_list("pk", flat=True))

        for signal in (page_slug_changed, post_page_move):
            signal.connect(with_descendants, weak=False, dispatch_uid=f"docchat {self.label}")
        for signal in (page_published, page_unpublished):
            signal.connect(itself, weak=False, dispatch_uid=f"docchat {self.label}")
        for signal in (post_save, post_delete):
            signal.connect(every, sender=Site, weak=False, dispatch_uid=f"docchat {self.label}")

    def _roots(self) -> list[Any]:
        """Return the root pages of the sites, in each of their languages."""
        sites = Site.objects.select_related("root_page")
        if self.sites:
            sites = sites.filter(hostname__in=[*self.sites])
        roots = [site.root_page for site in sites]
        translated = Page.objects.filter(translation_key__in=[root.translation_key for root in roots])
        return [*translated.filter(depth__in={root.depth for root in roots})]

    def _html_of(self, row: Any, name: str) -> str:
        field = next((one for one in row._meta.get_fields() if one.name == name), None)
        value: Any = getattr(row, name, None)
        if isinstance(field, StreamField):
            return "\n".join(_html_of_block(value.stream_block, value))
        if isinstance(field, RichTextField):
            return str(value)
        if callable(value) and not hasattr(value, "all"):
            value = value()
        return linebreaks(
            self.said(row, name) if "__" in name or hasattr(value, "all") else value or "", autoescape=True
        )


def _told_fields(kind: type[Model]) -> list[str]:
    """Return the names of those fields of a type of page that are its text."""
    plain = {one.field_name for one in getattr(kind, "search_fields", ()) if isinstance(one, SearchField)}
    inherited = {field.name for field in Page._meta.get_fields()}
    own = [field for field in kind._meta.fields if field.name not in inherited]
    told = [
        field.name
        for field in own
        if isinstance(field, StreamField | RichTextField)
        or (field.name in plain and isinstance(field, CharField | TextField))
    ]
    return told + sorted(plain - inherited - {field.name for field in own})


def _html_of_block(block: Any, value: Any) -> Iterator[str]:
    """Yield the text of a block and of those in it. A block that is kept out of the site's search is kept out here."""
    if value is None or not getattr(block, "search_index", True):
        return
    if isinstance(block, StreamBlock):
        for child in value:
            yield from _html_of_block(child.block, child.value)
    elif isinstance(block, StructBlock):
        for name, child in block.child_blocks.items():
            yield from _html_of_block(child, value.get(name))
    elif isinstance(block, ListBlock):
        for one in value:
            yield from _html_of_block(block.child_block, one)
    elif isinstance(block, RichTextBlock):
        yield str(value.source)  # as it is kept: nothing is fetched for what it embeds
    elif isinstance(block, RawHTMLBlock):
        yield str(value)
    elif isinstance(value, dict) and isinstance(value.get("data"), list):  # of a table
        yield _table(value["data"])
    else:
        told = [escape(text) for text in block.get_searchable_content(value) if str(text).strip()]
        tag = "h2" if block.name in _HEADINGS else "p"
        yield from (f"<{tag}>{text}</{tag}>" for text in told)


def _table(rows: list[Any]) -> str:
    told = ("".join(f"<td>{escape(cell or '')}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{cells}</tr>' for cells in told)}</table>"


def _restrictions() -> list[Any]:
    """Return the view restrictions. An alias has those of the page that it stands for, and none of its own."""
    return [*PageViewRestriction.objects.filter(page__alias_of=None).select_related("page").prefetch_related("groups")]


def _accepts(restriction: Any, user: Any) -> bool:
    """Return what `restriction.accept_request` says of a request of this user without a session."""
    kinds = PageViewRestriction
    if restriction.restriction_type == kinds.LOGIN:
        return bool(user.is_authenticated)
    if restriction.restriction_type == kinds.GROUPS:
        if getattr(user, "is_superuser", False):
            return True
        return (
            hasattr(user, "groups") and user.groups.filter(pk__in=[one.pk for one in restriction.groups.all()]).exists()
        )
    return bool(restriction.restriction_type == kinds.NONE)


def _with_aliases(pages: list[Any]) -> list[Any]:
    """Return these pages with those that stand for them."""
    found, new = [*pages], [*pages]
    while new:
        known = {page.pk for page in found}
        new = [*Page.objects.filter(alias_of__in=[page.pk for page in new]).exclude(pk__in=known)]
        found += new
    return found


def _below(pages: Iterable[Any]) -> Q:
    """Return the condition for these pages and all that are below them; without any, one that nothing meets. It has a
    part for each depth, not for each page: SQLite takes no more than a thousand of them."""
    paths = defaultdict[int, set[str]](set)
    for page in pages:
        paths[len(page.path)].add(page.path)
    condition = Q(pk__in=[])
    for length, some in paths.items():
        condition |= Q(In(Substr("path", 1, length), sorted(some)))
    return condition
