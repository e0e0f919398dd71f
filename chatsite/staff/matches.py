"""The admin's own search for the words of a question: which lists have rows that match, and how many.

Nothing is understood here. A list is asked for all words of the question that say something, as if they were typed into
its search field; where no list has a row with all of them, for each of the words that are likely a name or a number.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest, QueryDict

from chatsite.staff.lists import AdminList, admin_lists, as_asked_by
from retrieval.models import User
from retrieval.text.asked import ASKING
from retrieval.text.words import fold

logger = logging.getLogger(__name__)

LISTS_MOST = 40
WORDS_MOST = 8
ALONE_MOST = 3  # words that are looked for alone
_RECORDS = "chatsite"  # the app whose lists hold the question itself
_WORD = re.compile(r"\w(?:[\w@.+/-]{0,78}\w)?")


@dataclass(frozen=True, slots=True)
class AdminMatch:
    """A list that has `count` rows for `words`; `url` is its page with them."""

    title: str
    words: str
    count: int
    url: str


def admin_matches(asker: HttpRequest | User, question: str, *, site: str = "") -> list[AdminMatch]:
    """Return the lists with matching rows that `asker` may see now."""
    request = as_asked_by(asker)
    telling = telling_words(question)
    if request is None or not telling:
        return []
    every = [listed for listed in admin_lists(request, name=site) if listed.is_searched and not _keeps_records(listed)]
    lists = every[:LISTS_MOST]
    found = _matches(lists, " ".join(telling))
    for word in sorted(telling, key=_likely_a_name)[:ALONE_MOST] if len(telling) > 1 else ():
        if found:
            break
        found = _matches(lists, word)
    return found


def telling_words(question: str) -> list[str]:
    """Return the words of a question that say what it is about, each once."""
    words = (word for word in _WORD.findall(question) if fold(word) not in ASKING)
    return list({fold(word): word for word in words}.values())[:WORDS_MOST]


def _likely_a_name(word: str) -> tuple[bool, int]:
    """Return a key that sorts names and numbers first, then the longer words."""
    return (word.islower() and word.isalpha(), -len(word))


def _keeps_records(listed: AdminList) -> bool:
    return listed.name.partition(".")[0] == _RECORDS


def _matches(lists: Sequence[AdminList], words: str) -> list[AdminMatch]:
    counted = ((listed, _count(listed, words)) for listed in lists)
    return [AdminMatch(listed.title, words, count, _url(listed, words)) for listed, count in counted if count]


def _count(listed: AdminList, words: str) -> int:
    try:
        return int(listed.changes(QueryDict(_query(words))).result_count)
    except Exception:  # the outermost edge of the project's own ModelAdmin: the other lists are searched all the same
        logger.exception("The list of %s could not be searched", listed.name)
        return 0


def _url(listed: AdminList, words: str) -> str:
    return f"{listed.url}?{_query(words)}"


def _query(words: str) -> str:
    query = QueryDict(mutable=True)
    query[SEARCH_VAR] = words
    return query.urlencode()
