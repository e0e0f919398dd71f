"""Names in code as the words they are made of, so that words find names and the other way round."""

from __future__ import annotations

import re

# An underscore parts words for every tokenizer; a capital inside a word doesn't.
_NAME = re.compile(r"[^\W_]*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z])[^\W_]*")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def with_parts(text: str) -> str:
    """`text`, and behind it each part of its camelCase names once: getUserName adds get, User and Name."""
    parts = dict.fromkeys(part for name in _NAME.findall(text) for part in _PART.findall(name))
    return f"{text}\n{' '.join(parts)}" if parts else text
