"""Starters and follow-ups: worded as people ask, answerable each, and of what the reader may see."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chatsite.asking.sections import BODY_MOST, Section, plain_title
from chatsite.asking.suggestions import starters
from chatsite.asking.wording import questions_about
from chatsite.reader import Reader
from retrieval.models import Collection

PUMP = """# Pump manual

## 1. Installation

Place the pump on a level floor. Connect the inlet and the outlet before you fill it.

## 2. Changing the filter

The filter is changed every six months. Unscrew the lid and take the old filter out.

## 3. Opening hours

The workshop is open from Monday to Friday.
"""


def first(title: str, body: str, *, language: str = "en", document: str = "Pump manual") -> str:
    """Return the question that is made first of a section; empty when none is."""
    asked = questions_about([Section(title, document, body)], language=language)
    return asked[0][0] if asked else ""


# ---- how they are worded ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("title", "body", "question"),
    [
        ("Installation", "Place the pump on the floor.", "How do I install the pump?"),
        ("Installation", "Put it on the floor.", "How does the installation work?"),
        ("Filter replacement", "Take the filter out.", "How do I replace the filter?"),
        ("Replacement of the filter", "Take it out.", "How do I replace the filter?"),
        ("Changing the filter", "Unscrew the lid.", "How do I change the filter?"),
        ("Changing the Filter", "Take the filter out.", "How do I change the filter?"),
        ("Cleaning and draining the pump", "Drain it.", "How do I clean and drain the pump?"),
        ("Setting up your account", "You need one.", "How do I set up my account?"),
        ("Running tests", "Run tests with make test.", "How do I run tests?"),
        ("Deleting users", "You delete them in the admin.", "How do I delete users?"),
        ("Configure the server", "Set the port.", "How do I configure the server?"),
        ("How to order parts", "Write to us.", "How do I order parts?"),
        ("Where to park", "Behind the house.", "Where should I park?"),
        ("What to do if the pump leaks", "Close the valve.", "What should I do if the pump leaks?"),
        ("When the pump leaks", "Close the valve.", "What should I do when the pump leaks?"),
        ("Without a licence", "The pump stops after an hour.", "What happens without a licence?"),
        ("Does it need oil?", "No.", ""),
        ("Does the pump need oil?", "No.", "Does the pump need oil?"),
        ("Who may ask", "Everyone may.", "Who may ask?"),
        ("What a host needs", "It needs Python.", "What does a host need?"),
        ("How passages are ranked", "By words.", "How are passages ranked?"),
        ("What a search can be narrowed to", "To collections.", "What can a search be narrowed to?"),
        ("Where documents come from", "From folders.", "Where do documents come from?"),
        ("Opening hours", "Monday to Friday, 9 to 17.", "What are the opening hours?"),
        ("Warranty period", "Two years from the day of purchase.", "What is the warranty period?"),
        ("Cavitation", "Cavitation is the formation of bubbles.", "What is cavitation?"),
        ("Collection", "A collection is a set of documents.", "What is a collection?"),
        ("TLS vs SSL", "One is newer.", "What is the difference between TLS and SSL?"),
        ("Workshop", "The workshop is open from Monday to Friday.", "When is the workshop open?"),
        ("Filter", "The filter is changed every six months.", "How often is the filter changed?"),
        ("Delivery", "The delivery takes about three days.", "How long does the delivery take?"),
        ("Filter", "A spare filter costs 12 euros.", "How much does a spare filter cost?"),
        ("The stages of a search", "First the scope.", "What are the stages of a search?"),
        ("The life of a document", "It begins in the queue.", "What is the life of a document?"),
        ("Keys", "The keys are kept in the office.", "Where are the keys kept?"),
        ("Introduction", "This manual is long.", ""),
        ("Replacing and deleting", "Either is possible.", ""),
        ("Using this page", "This page is short.", ""),
        ("GET health", "Says how it is.", ""),
    ],
)  # fmt: skip
def test_english_headings_and_sentences_become_questions(title: str, body: str, question: str) -> None:
    assert first(title, body) == question


@pytest.mark.parametrize(
    ("title", "body", "question"),
    [
        ("Filter wechseln", "Nehmen Sie den Filter heraus.", "Wie kann ich den Filter wechseln?"),
        ("Den Filter wechseln", "Heraus damit.", "Wie kann ich den Filter wechseln?"),
        ("Ihr Passwort zurücksetzen", "Klicken Sie hier.", "Wie kann ich mein Passwort zurücksetzen?"),
        ("Daten sichern und wiederherstellen", "Täglich.", "Wie kann ich Daten sichern und wiederherstellen?"),
        ("Installation", "Auf ebenem Boden.", "Wie funktioniert die Installation?"),
        ("Filterwechsel", "Im Herbst.", "Wie funktioniert der Filterwechsel?"),
        ("Reinigung des Filters", "Mit Wasser.", "Wie funktioniert die Reinigung des Filters?"),
        ("Öffnungszeiten", "Montag bis Freitag.", "Wie sind die Öffnungszeiten?"),
        ("Gebühren", "12 Euro.", "Wie hoch sind die Gebühren?"),
        ("Technische Daten", "12 kg.", "Welche technischen Daten gibt es?"),
        ("Kavitation", "Die Kavitation ist die Bildung von Blasen.", "Was ist die Kavitation?"),
        ("Was tun bei Leckage", "Ventil schließen.", "Was tun bei Leckage?"),
        ("Wer haftet", "Der Mieter.", "Wer haftet?"),
        ("Garantie", "Die Garantie dauert zwei Jahre.", "Wie lange dauert die Garantie?"),
        ("Filter", "Der Filter muss alle zwei Jahre gewechselt werden.", "Wie oft muss der Filter gewechselt werden?"),
        ("Ausweis", "Ein Ausweis kostet 12 Euro.", "Was kostet ein Ausweis?"),
        ("Schlüssel", "Der Schlüssel hängt im Flur.", "Wo hängt der Schlüssel?"),
        ("Werkstatt", "Die Werkstatt ist von Montag bis Freitag geöffnet.", "Wann ist die Werkstatt geöffnet?"),
        ("Einleitung", "Dieses Handbuch ist lang.", ""),
    ],
)  # fmt: skip
def test_german_headings_and_sentences_become_questions(title: str, body: str, question: str) -> None:
    assert first(title, body, language="de", document="Handbuch") == question


def test_headings_of_other_languages_are_topics_or_ask_themselves() -> None:
    assert first("Horarios de apertura", "De lunes a viernes.", language="es") == "Horarios de apertura"
    assert first("¿Cuánto cuesta?", "Doce euros.", language="es") == "¿Cuánto cuesta?"
    assert first("開館時間について", "月曜日から金曜日まで。", language="ja") == "開館時間について"
    assert first("Prix", "Douze euros.", language="fr") == ""


def test_headings_are_topics_where_no_question_can_be_made_of_any(client: Client, put: Any, public: Collection) -> None:
    put(public, "Manual.md", "## File > Export\n\nChoose a name.\n", title="Manual")
    assert client.get("/").context["starters"] == ["File > Export"]
    put(public, "tea.md", "# Tea\n\n## Boiling the water\n\nBoil the water in the kettle.\n")
    assert client.get("/").context["starters"] == ["How do I boil the water?"]


def test_headings_lose_their_number_and_marks() -> None:
    assert plain_title("3.2 Changing the **filter**:") == "Changing the filter"
    assert plain_title("Chapter 4: Care") == "Care"
    assert plain_title("2024 in figures") == "2024 in figures"
    assert plain_title("`CHAT_MODEL`") == "CHAT_MODEL"


@pytest.mark.parametrize("sign", ["[", "(", "*_ ", "The a ", "Der Filter muss alle "])
def test_long_headings_and_texts_are_read_at_once(sign: str) -> None:
    long = sign * (200_000 // len(sign))
    began = time.process_time()
    for title in (long, plain_title(long), "Filter"):
        for language in ("en", "de", "fr"):
            questions_about([Section(plain_title(title), "Manual", long[:BODY_MOST])], language=language)
    assert time.process_time() - began < 20


# ---- which are suggested ---------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_starters_are_asked_and_answered(client: Client, put: Any, public: Collection) -> None:
    put(public, "pump.md", PUMP)
    page = client.get("/")
    assert page.context["starters"] == [
        "How do I install the pump?", "How do I change the filter?", "What are the opening hours?",
    ]  # fmt: skip
    for question in page.context["starters"]:
        answer = client.post("/api/v1/chat/query", {"query": question}, content_type="application/json").json()
        assert answer["answered"], question


def test_starters_are_checked_once_for_all_readers(put: Any, public: Collection, reader: User) -> None:
    put(public, "pump.md", PUMP)
    made = starters(Reader(AnonymousUser()))
    with CaptureQueriesContext(connection) as queries:
        assert starters(Reader(reader)) == made
    assert len(queries) <= 4
    put(public, "tea.md", "# Tea\n\n## Boiling the water\n\nBoil the water in the kettle.\n")
    assert starters(Reader(reader))[0] == "How do I boil the water?"


def test_page_is_shown_while_the_index_is_down(client: Client, index_down: None, public: Collection) -> None:
    assert client.get("/").status_code == 200
    assert client.get("/").context["starters"] == []


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    cache.clear()
