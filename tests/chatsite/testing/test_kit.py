"""The test kit, as the suite of a host uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from agents import ToolCall
from chatsite.models import ApiKey, EmbedSite, Run
from chatsite.testing import assert_answers, assert_refuses, indexed_documents
from chatsite.testing.documents import TextDocuments
from retrieval import configuration
from retrieval.models import Collection, Document
from tests.chatsite.doors.keys import QUESTION, TEA
from tests.servers import ROOT

pytestmark = pytest.mark.django_db

CUPBOARD = {"Tea": TEA, "Coffee": "The coffee mill stands on the window sill. Coffee is ground by hand."}


def test_answer_cites_and_quotes(documents: TextDocuments) -> None:
    put = documents(CUPBOARD)
    answer = assert_answers(QUESTION, cites="Tea", quotes="kept in the blue cupboard", says="blue  cupboard")
    assert answer.cited == ["Tea"]
    assert_answers(QUESTION, cites=[put["Tea"]])
    assert Run.objects.count() == 2


def test_what_no_document_says_is_refused(documents: TextDocuments) -> None:
    documents(CUPBOARD)
    assert assert_refuses("Who won the chess championship of 1972?").answered is False


def test_reader_is_anybody(documents: TextDocuments, reader: User) -> None:
    staff = Group.objects.create(name="Kitchen")
    kitchen = Collection.objects.create(name="Kitchen", slug="kitchen")
    kitchen.groups.add(staff)
    documents(CUPBOARD, collection=kitchen)
    assert_refuses(QUESTION)
    assert_refuses(QUESTION, reader=reader)
    reader.groups.add(staff)
    assert_answers(QUESTION, cites="Tea", reader=reader)
    key = ApiKey.objects.create(name="robot", user=reader, digest="x", expires_at=timezone.now() + timedelta(days=1))
    assert_refuses(QUESTION, reader=key)
    key.collections.add(kitchen)
    assert_answers(QUESTION, cites="Tea", reader=key)
    shop = EmbedSite.objects.create(name="Shop", origins="https://shop.example", reader=reader)
    assert_refuses(QUESTION, reader=shop)
    shop.collections.add(kitchen)
    assert_answers(QUESTION, quotes="blue cupboard", reader=shop)


def test_model_says_what_it_is_told_to(
    documents: TextDocuments,
    scripted_model: Callable[..., Any],
) -> None:
    documents(CUPBOARD)
    model = scripted_model("Look into the blue cupboard [1].", "It is on the moon.", Exception("broken"))
    answer = assert_answers(QUESTION, cites="Tea", says="Look into")
    assert answer.body["model"] == "scripted"
    refused = assert_refuses(QUESTION)
    assert refused.body["unsupported"] == "It is on the moon."
    model.steps.clear()
    model.steps += [ToolCall("1", "search", '{"query": "coffee mill"}'), "On the window sill [2]."]
    assert_answers(QUESTION, cites="Coffee")
    model.assert_finished()


def test_documents_are_gone_from_the_index_after_the_test(documents: TextDocuments) -> None:
    """The ids of a transaction that was rolled back are given again."""
    first = documents({"One": "The lamp is red."})["One"]
    documents.forget()
    Document.objects.all().delete()
    documents({"Two": "The lamp is green."})
    assert assert_answers("Which colour has the lamp?").cited == ["Two"]
    assert first.pk


def test_same_text_twice_is_one_document(documents: TextDocuments) -> None:
    assert documents({"One": "The lamp is red."})["One"] == documents({"One": "The lamp is red."})["One"]


def test_without_pytest_an_index_lasts_as_long_as_its_block(tmp_path: Path) -> None:
    former = configuration.runtime().settings
    with indexed_documents() as put:
        put({"Lamps": "The lamp is red."})
        folder = configuration.runtime().settings.index_dir.parent
        assert_answers("Which colour has the lamp?", quotes="The lamp is red.")
    assert configuration.runtime().settings == former
    assert not folder.exists()


# ---- what a failure says ---------------------------------------------------------------------------------------------
def test_failure_shows_answer_and_sources(documents: TextDocuments, reader: User) -> None:
    documents(CUPBOARD)
    with pytest.raises(AssertionError) as failure:
        assert_answers(QUESTION, cites="Coffee", reader=reader)
    told = str(failure.value)
    assert told.startswith(
        "“Where is the kettle kept?” is answered without citing “Coffee”.\n\nasked by:\n    reader\n"
    )
    assert "answered by:\n    extractive\n" in told
    assert "\ncited:\n    [1] Tea: “The kettle is kept in the blue cupboard.”\n" in told
    assert "\nfound:\n    [1] Tea: “# Tea Boil the water" in told


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ({"quotes": "red cupboard"}, "is answered without a quote that has “red cupboard”"),
        ({"says": "red cupboard"}, "is answered without saying “red cupboard”"),
    ],
)
def test_failure_names_what_is_missing(documents: TextDocuments, wanted: dict[str, str], fault: str) -> None:
    documents(CUPBOARD)
    with pytest.raises(AssertionError, match=fault):
        assert_answers(QUESTION, **wanted)


def test_failure_of_a_refusal_shows_the_answer(documents: TextDocuments) -> None:
    documents(CUPBOARD)
    with pytest.raises(AssertionError, match=r"“Where is the kettle kept\?” is answered\.\n\nasked by:\n    somebody"):
        assert_refuses(QUESTION)
    with pytest.raises(AssertionError, match=r"“Thank you!” is taken for small talk \(thanks\)"):
        assert_refuses("Thank you!")
    with pytest.raises(AssertionError, match="is not answered"):
        assert_answers("Who won the chess championship of 1972?")


def test_withheld_text_is_shown(documents: TextDocuments, scripted_model: Callable[..., Any]) -> None:
    documents(CUPBOARD)
    scripted_model("It is on the moon.")
    with pytest.raises(AssertionError, match=r"withheld, since nothing was cited:\n    It is on the moon\."):
        assert_answers(QUESTION)


def test_failure_is_told_as_the_page_shows_it(documents: TextDocuments) -> None:
    page = ROOT.joinpath("docs", "testing.md").read_text()
    [shown] = re.findall(r"```text\n(.*?)```", page, flags=re.DOTALL)
    documents({"Sauna": "The sauna is heated on Fridays from four o'clock.", "Pool": "Children swim until seven."})
    with pytest.raises(AssertionError) as failure:
        assert_answers("When is the sauna heated?", cites="Pool")
    assert [line.rstrip() for line in str(failure.value).splitlines()] == shown.splitlines()
