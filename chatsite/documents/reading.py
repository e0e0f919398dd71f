"""One request to read a document: where it opens, what is marked, and the addresses of everything around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from chatsite.documents.finding import WORDS_CHARACTERS, FoundPlaces, find
from chatsite.documents.markdown_page import MOST, markdown_page
from chatsite.documents.outline import OutlineEntry, current, is_markdown, outline, sections
from chatsite.documents.own_page import own_page
from chatsite.documents.pages import printed_window
from chatsite.documents.quotes import answer_quotes, changed, cited_here
from chatsite.documents.text import Marks, Window, document_window
from chatsite.models import Citation, Conversation
from chatsite.reader import reader_of
from retrieval.errors import PagesUnavailable
from retrieval.models import Document
from retrieval.namesakes import told_apart
from retrieval.notes import Note
from retrieval.pages.pages import has_pages
from retrieval.texts import document_text

VIEW_COOKIE = "reader_view"  # "pages" or "text": what this reader chose last
_PLACES = ("start", "end", "page", "label", "find", "hit", "run")
_LABEL_CHARACTERS = 40
_BEFORE = 500_000  # characters before a part of a Markdown document, which tell what it begins in


@dataclass
class Reading:
    """One request to read: where it opens the document, and the addresses of everything around."""

    request: HttpRequest
    document: Document

    def page(self) -> dict[str, Any]:
        words = self.request.GET.get("find", "")[:WORDS_CHARACTERS].strip()
        found = find(self.document, words)
        start, end = self._asked_for(found)
        citation = None if words else self._citation()
        change = None
        if citation:
            change, (start, end) = changed(citation, self.document)
        marks = Marks(start, end, found.places)
        headings = outline(self.document)
        return {
            "document": self.document,
            "words": words,
            "found": self._found(found, words, start),
            "change": change,
            "quotes": answer_quotes(citation, request=self.request) if citation else None,
            "outline": [(entry, self.url(start=entry.start, place="place")) for entry in headings],
            "current_entry": current(headings, start=start),
            "page_number": (number := self.document.page_at(start)),
            "page_label": self.document.page_label(number),
            "section": self._section(start) if end > start else "",
            "neighbours": self._neighbours(),
            "notes": self._notes(),
            "own_url": own_page(self.document, start=start, end=end) if end > start and not (change or words) else "",
            "download_url": reverse("chatsite:original", args=[self.document.pk]),
            **self._shelf(),
            "here_url": self.url(start=start, end=end, place="quote") if end > start else self.url(),
        } | self._shown(marks, headings)

    def _shelf(self) -> dict[str, Any]:
        """Return where the document stands, and where it is asked: in the library, or with the conversation it belongs
        to."""
        collection = self.document.collection
        if collection.hidden:
            conversation = Conversation.objects.filter(attachments=collection).first()
            url = reverse("chatsite:conversation", args=[conversation.pk]) if conversation else ""
            return {"shelf_name": _("Attached to a conversation"), "shelf_url": url}
        return {
            "shelf_name": collection.name,
            "shelf_url": reverse("chatsite:documents") + f"?{urlencode({'collection': collection.slug})}",
            "ask_url": reverse("chatsite:chat") + f"?document={self.document.pk}",
        }

    def _notes(self) -> Sequence[Note]:
        """Return how it was read, for the staff who look after it, and for whoever has attached it."""
        tells = self.document.collection.hidden or reader_of(self.request).sees_ingestion()
        return self.document.ordered_notes if tells else ()

    def url(self, *, place: str = "", **parameters: Any) -> str:
        """Return an address of this document; `place` is the part of the page to open it at."""
        query = urlencode({name: value for name, value in parameters.items() if value not in (None, "")})
        url = self.document.get_absolute_url()
        return (f"{url}?{query}" if query else url) + (f"#{place}" if place else "")

    def _asked_for(self, found: FoundPlaces) -> tuple[int, int]:
        """Return the characters that the address names; where words are looked for, those of one place they stand
        at."""
        start, end = asked_number(self.request, "start") or 0, asked_number(self.request, "end")
        number = asked_number(self.request, "page") or self._labelled()
        if number and self.document.page_starts:
            start = self.document.page_starts[min(number, len(self.document.page_starts)) - 1]
            end = start
        if found.places:
            hit = asked_number(self.request, "hit")
            after = next((i for i, place in enumerate(found.places, 1) if place[0] >= start), 1)
            return found.places[min(max(hit or after, 1), len(found.places)) - 1]
        start = min(start, self.document.characters)
        return start, max(start, min(end or start, self.document.characters))

    def _labelled(self) -> int | None:
        """Return the page that the address names by what is printed as its number; else by its number."""
        label = self.request.GET.get("label", "")[:_LABEL_CHARACTERS].strip().casefold()
        labels = [label.casefold() for label in self.document.page_labels]
        return labels.index(label) + 1 if label in labels else asked_number(self.request, "label")

    def _citation(self) -> Citation | None:
        """Return the citation that this place was opened from; the text may be shorter by now than the place it
        names."""
        start, end = asked_number(self.request, "start"), asked_number(self.request, "end")
        if start is None or end is None or start >= end:
            return None
        return cited_here(self.request, self.document, start=start, end=end)

    def _section(self, start: int) -> str:
        """Return the section that the marked words stand in, in a document without pages."""
        return "" if self.document.page_count else sections([(self.document, start)])[self.document.pk, start]

    def _found(self, found: FoundPlaces, words: str, start: int) -> dict[str, Any]:
        """Return which of the places is shown, and the addresses of those around it; behind the last comes the
        first."""
        count = len(found.places)
        number = next((i for i, place in enumerate(found.places, 1) if place[0] == start), 0)
        hits = {"previous_url": number - 1 or count, "next_url": number % count + 1} if number else {}
        urls = {name: self.url(find=words, hit=hit, place="quote") for name, hit in hits.items()}
        return {"count": count, "more": found.more, "number": number} | urls

    def _shown(self, marks: Marks, headings: Sequence[OutlineEntry]) -> dict[str, Any]:
        """Return the document as pages or as text, as the reader prefers; as text when its pages can't be drawn."""
        can_print = has_pages(self.document)
        views = {"can_print": can_print, "pages_url": self._switch("pages"), "text_url": self._switch("text")}
        if can_print and self._prefers_pages():
            try:
                printed = printed_window(self.document, marks=marks)
            except PagesUnavailable:
                views["unprinted"] = True
            else:
                around = {"previous_url": printed.previous_page, "next_url": printed.next_page}
                urls = {name: self.url(page=page) if page else None for name, page in around.items()}
                return {"printed": printed.pages, "blocks": ()} | views | urls
        window = document_window(self.document, marks=marks, headings=headings)
        around = {"previous_url": window.previous_start, "next_url": window.next_start}
        source = "source" if self.request.GET.get("view") == "source" else ""
        urls = {
            name: self.url(start=start, view=source) if start is not None else None for name, start in around.items()
        }
        return {"blocks": window.blocks} | self._rendered(window, marks, is_source=bool(source)) | views | urls

    def _rendered(self, window: Window, marks: Marks, *, is_source: bool) -> dict[str, Any]:
        """Return a part of a Markdown document as it is meant to look, unless its source was asked for."""
        if not is_markdown(self.document) or not window.text or len(window.text) > MOST:
            return {}
        urls = {"rendered_url": self._switch(""), "source_url": self._switch("source")}
        if is_source:
            return urls
        pasted = self.document.source == Document.Source.PASTE  # where lines end as they were typed
        before = document_text(self.document, start=window.start - _BEFORE, end=window.start) if window.start else ""
        rendered = markdown_page(window.text, offset=window.start, marks=marks, keeps_lines=pasted, before=before)
        return urls | {"rendered": rendered, "window": window}

    def _switch(self, view: str) -> str:
        """This very place in the other view."""
        kept = {name: value for name, value in self.request.GET.items() if name in _PLACES}
        return self.url(**(kept | {"view": view}), place="quote" if {"end", "find"} & kept.keys() else "place")

    def _prefers_pages(self) -> bool:
        """Say whether pages are shown: as chosen last; else pages, but on a phone, where a printed page is too small to
        read."""
        chosen = self.request.GET.get("view") or self.request.COOKIES.get(VIEW_COOKIE)
        return (
            chosen != "text"
            if chosen in ("pages", "text")
            else "Mobi" not in self.request.headers.get("User-Agent", "")
        )

    def _neighbours(self) -> dict[str, Any]:
        """Return the documents before and behind this one in its collection, by title, as far as whoever looks may
        read them, and what tells them from this one where that is the same."""
        shelf = reader_of(self.request).documents().filter(collection=self.document.collection_id).readable()
        title, pk = self.document.title, self.document.pk
        before = shelf.filter(Q(title__lt=title) | Q(title=title, pk__lt=pk)).order_by("-title", "-pk")
        behind = shelf.filter(Q(title__gt=title) | Q(title=title, pk__gt=pk)).order_by("title", "pk")
        around = {"previous": before.first(), "next": behind.first()}
        beside = told_apart([self.document, *filter(None, around.values())])
        marks = {f"{name}_beside": beside[found.pk] for name, found in around.items() if found and found.pk in beside}
        return around | marks


def asked_number(request: HttpRequest, name: str) -> int | None:
    """Return a whole number in the address; None for anything else."""
    value = request.GET.get(name, "")
    return int(value) if value.isdecimal() and len(value) <= 10 else None
