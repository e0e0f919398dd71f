"""A search without an answer, as a reader: within what they may read, and in one of the places to answer in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatsite import errors
from chatsite.answering.capacity import place_for_run
from chatsite.reader import Reader
from retrieval.errors import IndexUnavailable, UnknownCollection, UnknownDocument
from retrieval.searching.search import SearchResult, search


def search_as(reader: Reader, asked: Mapping[str, Any]) -> SearchResult:
    """Return what is found for `query` (at most `limit` passages), narrowed as a question is. It costs as much as the
    search of a question, and so takes a place like one.

    Raises AnswerError: 404 for a scope beyond what the reader may search, 429 or 503 when there is no place, 503 when
    the index can't be asked.
    """
    collections = reader.searched(asked.get("collections"))
    place = place_for_run(reader)
    try:
        return search(
            asked["query"],
            user=reader.rights,
            collections=collections,
            document_ids=asked.get("document_ids"),
            languages=asked.get("languages"),
            since=asked.get("since"),
            until=asked.get("until"),
            limit=asked["limit"],
        )
    except UnknownCollection as error:
        raise errors.not_found("collections", error.reason.message()) from error
    except UnknownDocument as error:
        gone = errors.not_found("document_ids", error.reason.message())
        gone.details["missing"] = list(error.ids)
        raise gone from error
    except IndexUnavailable as error:
        raise errors.of_code("index_unavailable") from error
    finally:
        place.release()
