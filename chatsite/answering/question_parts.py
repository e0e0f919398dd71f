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
_ASKS_FOR_NUMBER = re.compile(
    r"\b(?:when|(?:what|which) (?:year|date|day|percent\w*|number|age|size|time)|how (?:many|much|long|old|often|far"
    r"|big|large|high|fast)|wann|in welchem jahr|wie (?:viele?|lange|alt|oft|hoch|gro(?:ß|ss)|weit|schnell)|wieviele?"
    r"|combien|quand|en quelle année|cuándo|cuánt[oa]s?)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<!\[)\d(?!\d?\])|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred|thousand|century"
    r"|once|twice|million|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|hundert|tausend|jahrhundert"
    r"|einmal|zweimal|millionen|deux|trois|quatre|cinq|dix|cent|mille|dos|tres|cuatro|cinco|diez|cien|mil)\b",
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


def asks_for_number(question: str) -> bool:
    """Return whether a date, an amount or a duration is the answer."""
    return _ASKS_FOR_NUMBER.search(question) is not None


def has_number(text: str) -> bool:
    """Return whether `text` says a number, in digits or words; a source's own ("[3]") is none."""
    return _NUMBER.search(text) is not None
