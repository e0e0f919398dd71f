"""Passages with whole tables: a row says little without the names of its columns, which stand in the first one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.db.models import F, Q

from retrieval.models import Chunk
from retrieval.searching.passages import Passage

MOST = 3_000  # characters of a table that are added on one side; of a longer one nothing is


def with_whole_tables(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Return `passages`, best first, those that begin or end in the middle of a table with the rest of it; one that a
    better one holds by then is left out. One query where there are such, else none."""
    cut = [passage for passage in passages if passage.document_id and (_begins(passage.text) or _ends(passage.text))]
    if not cut:
        return tuple(passages)
    around = _around(cut)
    whole = {(p.document_id, p.start, p.end): _with_table(p, *around[p.document_id or 0, p.start]) for p in cut}
    chosen: list[Passage] = []
    for passage in passages:
        longer = whole.get((passage.document_id, passage.start, passage.end), passage)
        if any(_overlap(longer, other) for other in chosen):
            longer = passage
        if not any(_holds(other, longer) for other in chosen):
            chosen.append(longer)
    return tuple(chosen)


def _overlap(one: Passage, other: Passage) -> bool:
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end


def _holds(one: Passage, other: Passage) -> bool:
    return one.document_id == other.document_id and one.start <= other.start and other.end <= one.end


def _around(cut: Sequence[Passage]) -> Mapping[tuple[int, int], tuple[str, int]]:
    """Return the text around each of these passages, by document and start: as far as a table may go on, and where that
    text begins."""
    near = Q()
    for passage in cut:
        near |= Q(document=passage.document_id, start__lt=passage.end + MOST, end__gt=passage.start - MOST)
    rows = Chunk.objects.filter(near, generation=F("document__live_generation")).order_by("document", "position")
    chunks = list(rows.values_list("document_id", "start", "end", "text"))
    texts = {}
    for passage in cut:
        first, last = passage.start - MOST, passage.end + MOST
        of_it = [(s, text) for pk, s, e, text in chunks if pk == passage.document_id and s < last and e > first]
        texts[passage.document_id or 0, passage.start] = "".join(text for _, text in of_it), of_it[0][0] if of_it else 0
    return texts


def _with_table(passage: Passage, text: str, begins: int) -> Passage:
    """Return the passage with the table that it begins or ends in, out of the `text` around it."""
    start, end = passage.start - begins, passage.end - begins
    if text[start:end] != passage.text:  # it was replaced meanwhile
        return passage
    first = _first_row(text, start) if _begins(passage.text) else start
    last = _last_row(text, end) if _ends(passage.text) else end
    return replace(passage, start=begins + first, end=begins + last, text=text[first:last])


def _first_row(text: str, at: int) -> int:
    """Return where the table begins that character `at` stands in; `at` itself where that is too far."""
    line = text.rfind("\n", 0, at) + 1
    while line and _is_row(text[text.rfind("\n", 0, line - 1) + 1 : line - 1]):
        line = text.rfind("\n", 0, line - 1) + 1
        if at - line > MOST:
            return at
    return line


def _last_row(text: str, at: int) -> int:
    """Return where the table ends that character `at` stands behind; `at` itself where that is too far."""
    end = _line_end(text, at)
    while end < len(text) and _is_row(text[end + 1 : (following := _line_end(text, end + 1))]):
        end = following
        if end - at > MOST:
            return at
    return at + len(text[at:end].rstrip())


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _begins(text: str) -> bool:
    return _is_row(text.partition("\n")[0])


def _ends(text: str) -> bool:
    return _is_row(text.rpartition("\n")[2])


def _is_row(line: str) -> bool:
    line = line.strip()
    return line.startswith("|") or (line.endswith("|") and len(line) > 1)
