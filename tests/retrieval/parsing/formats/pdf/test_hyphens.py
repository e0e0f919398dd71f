"""Words that a line's end cuts, and compounds that end a line with their hyphen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval.parsing.formats import extract
from retrieval.parsing.formats.pdf.hyphens import _list_of, _times
from tests.retrieval import files

ENGLISH = ["Everything that is here is in the hall, and people know it well.", "They go there by day."]
GERMAN = ["Das ist ein Satz, der nicht lang ist und den man wohl versteht.", "Er steht hier, damit man es merkt."]


def read(tmp_path: Path, lines: list[str]) -> str:
    path = tmp_path / "a.pdf"
    path.write_bytes(files.pdf([lines]))
    return extract(path, filename="a.pdf", max_characters=10**6).text


@pytest.mark.parametrize(
    ("first", "second", "right"),
    [
        ("well-", "known", "well-known"),
        ("on-", "site", "on-site"),
        ("non-", "smoker", "non-smoker"),
        ("long-", "term", "long-term"),
        ("cost-", "effective", "cost-effective"),
        ("state-of-the-", "art", "state-of-the-art"),
        ("encyclo-", "pedia", "encyclopedia"),
        ("infor-", "mation", "information"),
        ("under-", "stand", "understand"),
        ("manage-", "ment", "management"),
        ("555-", "0199", "555-0199"),
        ("Anglo-", "Saxon", "Anglo-Saxon"),
        ("T-", "shirt", "T-shirt"),
        ("e-", "mail", "e-mail"),
        ("mother-", "in-law", "mother-in-law"),
        ("mother-in-", "law", "mother-in-law"),
        ("anti-inflam-", "matory", "anti-inflammatory"),
        ("http://harbour.org/fee-", "list.html", "http://harbour.org/fee-list.html"),
        ("info@harbour-", "works.org", "info@harbour-works.org"),
    ],
)
def test_compounds_keep_their_hyphen_and_cut_words_lose_it(tmp_path: Path, first: str, second: str, right: str) -> None:
    assert f"the {right} thing" in read(tmp_path, [*ENGLISH, f"This is the {first}", f"{second} thing."])


def test_word_is_written_as_the_document_writes_it_elsewhere(tmp_path: Path) -> None:
    said = read(tmp_path, [*ENGLISH, "The zorg-blat hums. The quuxfrob too.", "A zorg-", "blat and a quux-", "frob."])
    assert [said.count("zorg-blat"), said.count("quuxfrob")] == [2, 2]


def test_german_words_are_made_whole_and_halves_of_two_are_not(tmp_path: Path) -> None:
    said = read(tmp_path, [*GERMAN, "Der Hafenmeister-", "stellvertreter nennt Vor-", "und Nachteile."])
    assert "Hafenmeisterstellvertreter" in said
    assert "Vor-\nund Nachteile" in said


@pytest.mark.parametrize(
    ("first", "second", "right"),
    [
        ("Self-", "service", "Self-service"),
        ("short-", "term", "short-term"),
        ("Know-", "how", "Know-how"),
        ("Check-", "in", "Check-in"),
        ("state-of-the-", "art", "state-of-the-art"),
        ("http://harbour.org/fee-", "list.html", "http://harbour.org/fee-list.html"),
        ("On-", "line-Anmeldung", "Online-Anmeldung"),
        ("Nord-", "rhein-Westfalen", "Nordrhein-Westfalen"),
        ("Hand-", "stand", "Handstand"),
        ("Land-", "gang", "Landgang"),
        ("Wind-", "park", "Windpark"),
        ("Arm-", "band", "Armband"),
        ("Not-", "fall", "Notfall"),
        ("Hafen-", "meister", "Hafenmeister"),
    ],
)
def test_english_compounds_in_german_keep_their_hyphen(tmp_path: Path, first: str, second: str, right: str) -> None:
    assert f"das {right} hier" in read(tmp_path, [*GERMAN, f"Er sah das {first}", f"{second} hier."])


def test_lists_of_words_are_sorted_as_they_are_searched() -> None:
    for language in ("en", "fr", "es", "pt", "it"):
        entries = _list_of(language).removesuffix(b"\n}").split(b"\n")
        assert entries == sorted(entries)
        assert len(entries) > 50_000


def test_words_are_found_with_how_often_they_were_counted() -> None:
    listed = json.loads(b"{" + _list_of("it"))
    words = [*listed][:3] + [*listed][-3:] + [*listed][::997]
    assert [_times(word, "it") for word in words] == [listed[word] for word in words]
    assert [_times(word, "it") for word in ("", "a b", "perchéx", "zzzz", "ж")] == [0] * 5
