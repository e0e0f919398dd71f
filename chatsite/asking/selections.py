"""Selected texts become passages: their place in a document, so that answers link back, or the text alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.asking.question import SearchScope, Selection
from chatsite.reader import Reader
from retrieval.searching.passages import Passage
from retrieval.texts import covering, document_text


def selected_passages(reader: Reader, selections: Sequence[Selection], scope: SearchScope) -> dict[int, Passage]:
    """Return a passage for each selection, numbered from 1. No index is asked.

    Raises:
        AnswerError: 404 or 400, when a selection is not there, or not this reader's.
    """
    return {marker: _passage(reader, selection, scope) for marker, selection in enumerate(selections, 1)}


def kept_selections(selections: Sequence[Selection], passages: Mapping[int, Passage]) -> tuple[Mapping[str, Any], ...]:
    """Return what a run keeps of each selection: its text, and its place in a document where that is known."""
    return tuple(
        {"text": selection.text or passages[marker].text}
        | (
            {"document_id": selection.document_id, "start": selection.start, "end": selection.end}
            if selection.document_id
            else {}
        )
        for marker, selection in enumerate(selections, 1)
    )


def _passage(reader: Reader, selection: Selection, scope: SearchScope) -> Passage:
    if selection.document_id is None:
        return Passage.of_text(selection.text, title=_("Your selection"))
    field, start, end = selection.field, selection.start, selection.end
    readable = reader.documents().readable()
    if scope.collections is not None:
        readable = readable.filter(Q(collection__slug__in=scope.collections) | Q(collection=scope.hidden))
    document = readable.filter(pk=selection.document_id).first()
    if document is None:
        raise errors.not_found(field, _("There is no document %d.") % selection.document_id)
    text = document_text(document, start=start, end=end)
    if len(text) < end - start:
        raise errors.invalid(
            field, _("The document has %s characters; end is beyond it.") % errors.grouped(document.characters)
        )
    if selection.text and selection.text.split() != text.split():
        known = "selected_text" if field == "selection" else "text"
        fault = _("The document's text there is not %s; send the offsets of that text, or leave the offsets out.")
        raise errors.invalid(field, fault % known)
    if not text.strip():
        raise errors.invalid(field, _("Holds nothing but white space; select some text."))
    first = covering(document.pk, start=start, end=end, user=reader.rights)[0]
    page = document.page_at(start)
    return replace(first, text=text, start=start, end=end, page=page, page_label=document.page_label(page))
