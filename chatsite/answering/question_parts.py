"""The parts of a question that asks for several things at once: "How do I back up, restore, and what of uploads?"."""

from __future__ import annotations

import re

from retrieval.text.terms import content_terms

_PARTS_MOST = 5
_JOINT = re.compile(
    r"[,;]\s+(?:(?:and|or|und|oder|sowie|et|ou|y|o|e)\s+)?|\s+(?:and|or|und|oder|sowie|et|ou|y|e)\s+", re.IGNORECASE
)
_LISTS = re.compile(
    r"\b(?:list|lists|enumerate|steps?|ways|kinds|types|instructions|procedure|liste|schritte?|arten|anleitung|étapes"
    r"|pasos)\b"
    r"|^\W*(?:what are|which|how (?:do|can|could|should|would|to)|welche[rns]?|was sind|wie (?:kann|muss|soll)"
    r"|quels|quelles|comment|cuáles|cómo|quali|come)\b"
    r"|^\W*what (?!is|was|does|has)\w+s\b",
    re.IGNORECASE,
)


def parts_of(question: str, *, language: str) -> list[str]:
    """Return the parts of `question` between its commas and conjunctions, each of which says something; one that asks
    for a single thing whole."""
    parts: list[str] = []
    for part in _JOINT.split(" ".join(question.split())):
        if parts and not content_terms(part, language=language):
            parts[-1] = f"{parts[-1]} {part}"
        else:
            parts.append(part)
    return parts if 1 < len(parts) <= _PARTS_MOST else [question]


def asks_for_list(question: str) -> bool:
    """Return whether several things may be the answer: steps, kinds, ways."""
    return _LISTS.search(question) is not None
