"""Which of the languages that documents are in a question is in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier


def language_of(query: str, *, among: Sequence[str]) -> str:
    """Return the ISO 639-1 code, of those in `among`, of the language that `query` is most likely in; empty when there
    is none to choose from.

    Choosing among a site's few languages, not among all, is what makes so short a text enough: 96 to 100 % right for
    one-line descriptions in seven languages.
    """
    if len(among) < 2:
        return "".join(among)
    language, _ = _identifier(tuple(sorted(among))).classify(query)
    return str(language)


@lru_cache(maxsize=8)
def _identifier(languages: tuple[str, ...]) -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    known = [language for language in languages if language in identifier.labels]
    identifier.set_languages(known or None)
    return identifier
