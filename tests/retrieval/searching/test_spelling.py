"""Words that no document holds are read as those that were meant, and none of a forbidden collection ever is."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser, User

from retrieval.ingestion.deletion import delete_documents
from retrieval.ingestion.ingest import drain_removals
from retrieval.models import Collection, CollectionWord, Document
from retrieval.searching import spelling
from retrieval.searching.search import search
from retrieval.searching.spelling import Correction, spelled

Put = Callable[[Collection, str, str | bytes], Document]
NOBODY = AnonymousUser()
GUIDE = "The heating is switched off in summer. The boiler room is shut, and the caretaker has the key to the boiler.\n"
OTHER = "The swimming pool opens at eight. Visitors need a ticket, which the cashier sells. Guests like the sauna.\n"


def read(question: str, collection: Collection) -> str:
    return spelled(question, collection_ids=[collection.pk], languages=["en"]).question


@pytest.fixture
def filled(put: Put, public: Collection) -> Collection:
    put(public, "guide.txt", GUIDE)
    put(public, "pool.txt", OTHER)
    return public


def words(collection: Collection) -> dict[str, int]:
    return dict(CollectionWord.objects.filter(collection=collection).values_list("word", "chunks"))


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("Who has the key to the biler?", "Who has the key to the boiler?"),  # one left out
        ("Who has the key to the boielr?", "Who has the key to the boiler?"),  # two swapped
        ("Where is the caretekar?", "Where is the caretaker?"),  # two edits of a long word
        ("Which ticket does the cashier sell?", "Which ticket does the cashier sell?"),  # another form
        ("What does error BOILR mean?", "What does error BOILR mean?"),  # a name
        ("What is boiler1 in boilr.py?", "What is boiler1 in boilr.py?"),
        ("Who says “biler room”?", "Who says “biler room”?"),  # as it is written
        ("Hallo, darf die Party in den Pool?", "Hallo, darf die Party in den Pool?"),  # said around questions
        ("What about zeppelins?", "What about zeppelins?"),  # nothing is near
        ("Wer hat den Schlüssel von dem Kesel?", "Wer hat den Schlüssel von dem Kesel?"),  # another language
    ],
)
def test_word_that_no_document_holds_is_read_as_one_that_is_near(filled: Collection, question: str, meant: str) -> None:
    assert read(question, filled) == meant


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("Wer leitet die Bauarbeiten?", ()),  # of a building and of works
        ("Wer leitet die Arbeitsbauten?", ()),
        ("Wer leitet die Eisbahn?", ("Eisbahn",)),
    ],
)
def test_german_word_is_known_by_its_parts(
    put: Put, public: Collection, question: str, unknown: tuple[str, ...]
) -> None:
    put(
        public,
        "a.txt",
        "Der Bau ist fertig, wer ihn leitet, ist bekannt. Alle Bauten ruhen, die Arbeit auch; Arbeiten nicht.\n",
    )
    found = spelled(question, collection_ids=[public.pk], languages=["de"])
    assert (found.question, found.unknown) == (question, unknown)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("Schluessel", "schlüssel"), ("Oefnung", "öffnung"), ("wannn", "wann")],
)
def test_german_is_read_however_it_is_typed(put: Put, public: Collection, typed: str, meant: str) -> None:
    put(public, "a.txt", "Der Schlüssel liegt an der Öffnung, und die Schlüsse sind gezogen.\n")
    found = spelled(f"und {typed}?", collection_ids=[public.pk], languages=["de"])
    assert found.corrections == (Correction(typed, meant),)


def test_sharp_s_is_found_by_two(put: Put, public: Collection) -> None:
    document = put(public, "a.txt", "Die Straße ist bis Mai gesperrt.\n")
    assert [one.document_id for one in search("Strasse gesperrt", user=NOBODY).passages] == [document.pk]


def test_clean_word_is_none_that_differs_in_a_letter(put: Put, public: Collection) -> None:
    put(public, "a.txt", "The wiki is open to all. The Wi-Fi is not; use your e-mail address for the router.\n")
    for question in ("What is the wife of Ahab called?", "Is the wifi open?", "Which email address?"):
        assert read(question, public) == question


def test_short_word_beside_an_unknown_name_is_part_of_it(filled: Collection) -> None:
    found = spelled("What does Poll Zaborun sell there?", collection_ids=[filled.pk], languages=["en"])
    assert (found.corrections, found.unknown) == ((), ("Poll", "Zaborun"))


def test_commonest_of_several_near_words_is_meant(put: Put, public: Collection) -> None:
    put(public, "a.txt", "The meter is read in the cellar.\n")
    put(public, "b.txt", "The motor hums. It is a quiet motor.\n")
    put(public, "c.txt", "The motor is new.\n")
    assert read("What of the mtor?", public) == "What of the motor?"


def test_misspelt_question_is_answered_and_says_what_was_searched_for(filled: Collection) -> None:
    result = search("Who has the key to the boielr?", user=NOBODY)
    assert "caretaker" in result.passages[0].text
    assert result.answers
    assert result.corrections == (Correction("boielr", "boiler"),)
    assert result.asked == ("Who has the key to the boiler?",)


def test_clean_question_is_searched_as_it_is(filled: Collection) -> None:
    result = search("Who has the key to the boiler?", user=NOBODY)
    assert (result.corrections, result.asked) == ((), ("Who has the key to the boiler?",))


def test_word_of_a_forbidden_collection_is_never_suggested(put: Put, filled: Collection, admin_user: User) -> None:
    secret = Collection.objects.create(name="Board", slug="board")
    put(secret, "plan.txt", "The takeover of the brewery is planned for winter.\n")
    assert search("What of the brewerey?", user=NOBODY).corrections == ()
    assert search("What of the brewerey?", user=admin_user).corrections == (Correction("brewerey", "brewery"),)


def test_capitalised_name_that_no_document_holds_is_refused_by_name(filled: Collection) -> None:
    result = search("When is the Zephyrion boiler switched off in summer?", user=NOBODY)
    assert [name.written for name in result.missing] == ["Zephyrion"]
    assert not result.answers


def test_word_of_a_title_is_no_absent_name(filled: Collection) -> None:
    Document.objects.filter(title="guide").update(title="The Zephyrion handbook")
    assert search("When is the Zephyrion boiler switched off?", user=NOBODY).missing == ()


def test_words_are_counted_by_chunk_and_leave_with_their_document(filled: Collection) -> None:
    counted = words(filled)
    assert (counted["boiler"], counted["the"], counted["sauna"]) == (1, 2, 1)
    delete_documents(Document.objects.filter(title="pool"))
    drain_removals()
    left = words(filled)
    assert "sauna" not in left
    assert (left["boiler"], left["the"]) == (1, 1)
    assert read("Where is the suana?", filled) == "Where is the suana?"


def test_words_of_another_version_take_the_place_of_the_former(put: Put, public: Collection) -> None:
    from retrieval.ingestion import ingest, queue

    document = put(public, "guide.txt", GUIDE)
    before = words(public)
    queue.requeue(Document.objects.filter(pk=document.pk))
    while ingest.ingest_next():
        pass
    assert words(public) == before


def test_case_88_forked_child_waits_for_no_thread_that_it_does_not_have() -> None:
    with spelling._lexicon._lock:  # as a thread that searches holds it
        child = os.fork()
        if not child:
            os._exit(int(spelling._lexicon._lock.locked()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
