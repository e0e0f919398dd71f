"""A panel of django-debug-toolbar: which searches a request made, what each found, and how long each stage took.

DEBUG_TOOLBAR_PANELS = [*PANELS_DEFAULTS, "retrieval.debug_panel.SearchPanel"]
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from debug_toolbar.panels import Panel
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from retrieval.searching.search import SearchResult
from retrieval.signals import searched

SEARCHES_MOST = 50  # of a request, that are kept
TEXT_CHARACTERS = 300

_kept: ContextVar[list[dict[str, Any]] | None] = ContextVar("searches", default=None)


def keep(query: str, result: SearchResult, **signal: Any) -> None:
    """Keep what a search of this request found, as plain values: the toolbar may keep them elsewhere."""
    kept = _kept.get()
    if kept is None or len(kept) >= SEARCHES_MOST:
        return
    kept.append(
        {
            "query": query,
            "asked": list(result.asked),
            "confidence": round(result.confidence, 3),
            "answers": result.answers,
            "language": result.language,
            "corrections": [f"{one.written} → {one.read_as}" for one in result.corrections],
            "stages": [(name, round(milliseconds, 2)) for name, milliseconds in result.stages],
            "total": round(result.total_ms, 2),
            "passages": [
                {
                    "title": passage.title,
                    "section": passage.section,
                    "place": f"{passage.start}–{passage.end}",
                    "score": round(passage.score, 4),
                    "similarity": None if passage.similarity is None else round(passage.similarity, 4),
                    "text": passage.text[:TEXT_CHARACTERS],
                    "url": passage.url,
                }
                for passage in result.passages
            ],
        }
    )


searched.connect(keep, dispatch_uid="retrieval.debug_panel")


class SearchPanel(Panel):  # type: ignore[misc]  # an extra of the project's own
    """Searches of the documents."""

    panel_id = "SearchPanel"
    title = _("Searches of documents")
    nav_title = _("Searches")
    template = "retrieval/debug_panel.html"

    @property
    def nav_subtitle(self) -> str:
        searches = self.get_stats().get("searches", [])
        count, milliseconds = len(searches), sum(one["total"] for one in searches)
        text = ngettext("%(count)d search in %(ms).1f ms", "%(count)d searches in %(ms).1f ms", count)
        return text % {"count": count, "ms": milliseconds}

    def enable_instrumentation(self) -> None:
        self._searches: list[dict[str, Any]] = []
        self._token = _kept.set(self._searches)

    def disable_instrumentation(self) -> None:
        _kept.set(None)

    def generate_stats(self, request: HttpRequest, response: HttpResponse) -> None:
        self.record_stats({"searches": self._searches})
