"""Ways to search, and what is measured when a site of a few documents is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from chatsite.evaluation import EvaluatedSite
from retrieval.errors import EvaluationSetError
from retrieval.evaluation.located import Located, locate
from retrieval.evaluation.questions import JudgedQuestion, Quote, SourceText
from retrieval.evaluation.run import ask, parse_method
from retrieval.evaluation.site import fill, is_held
from retrieval.models import Chunk, Document
from retrieval.searching.search import Method
from tests.retrieval.evaluation.files import TEXTS


def test_methods_are_named_by_their_settings() -> None:
    assert parse_method("neighbours=0,rerank=maxsim, words=0") == Method(neighbours=0, rerank="maxsim", words=False)
    for wrong in ("neighbors=1", "neighbours=x", "neighbours"):
        with pytest.raises(EvaluationSetError, match=r"is no setting of a search\. These are: words \(bool\)"):
            parse_method(wrong)


@pytest.mark.django_db
def test_judgement_of_either_twin_counts_and_what_is_not_here_is_missed() -> None:
    texts = {"one": TEXTS["pump"], "twin": TEXTS["pump"], "boiler": TEXTS["boiler"], "empty": " "}
    documents = fill([SourceText(key, key, "a.txt", text) for key, text in texts.items()], report=lambda done: None)
    assert documents["one"] == documents["twin"] != documents["boiler"]
    assert "empty" not in documents
    asked = [JudgedQuestion("How often is the pump oiled?", relevant=relevant) for relevant in RELEVANT]
    values = ask(locate(asked, documents=documents), site=EvaluatedSite.of_everybody(), method=Method())
    assert values["recall@10"] == [100, 100, 50, 0]
    assert values["nDCG@10"][:2] == [100, 100]
    assert "refused" not in values


RELEVANT = ({"twin": 1}, {"one": 1, "twin": 0}, {"twin": 1, "empty": 1}, {"gone": 1})


@pytest.mark.django_db
def test_document_that_another_stands_for_is_found_with_it() -> None:
    steps = "The pump is oiled every week, its filter is cleaned every month and its seals are changed once a year in "
    texts = {"may": f"{steps}May.", "june": f"{steps}June."}
    documents = fill([SourceText(key, "", "a.txt", text) for key, text in texts.items()], report=lambda done: None)
    asked = [JudgedQuestion("When are the seals changed?", relevant={key: 1}) for key in texts]
    values = ask(locate(asked, documents=documents), site=EvaluatedSite.of_everybody(), method=Method())
    assert sorted(values["MRR@10"]) == [50, 100]


@pytest.mark.django_db
def test_stopped_run_is_taken_up_where_it_was() -> None:
    sources = [SourceText(key, key, "a.txt", text) for key, text in TEXTS.items()]
    fill(sources[:1], report=lambda done: None)
    rows = Document.objects.all()
    Chunk.objects.all().delete()
    rows.update(state=Document.State.PROCESSING, live_generation=0, lease_until=timezone.now() + timedelta(minutes=5))
    assert fill(sources, report=lambda done: None).keys() == TEXTS.keys()
    rows.filter(title="pump").update(state=Document.State.FAILED, live_generation=0)
    assert fill(sources, report=lambda done: None).keys() == TEXTS.keys()


def nothing(_: int) -> None:
    pass


@pytest.mark.django_db
def test_quote_is_found_as_its_document_is_kept() -> None:
    """Reading a file composes letters and drops what nobody sees; SQuAD's answers were cut out of the raw text."""
    raw = "\ufeffThe cafe\u0301 of Z\u200burich opens at nine. It is small."
    documents = fill([SourceText("cafe", "", "a.txt", raw)], report=nothing)
    said = "cafe\u0301 of Z\u200burich"
    start = raw.index(said)
    quoted = Quote("cafe", start, start + len(said), said)
    [place] = locate([JudgedQuestion("Which?", quotes=(quoted,))], documents=documents)
    assert place.places == ((str(documents["cafe"]), 4, 18),)
    [judged] = locate([JudgedQuestion("Which?", {"cafe": 1}, (Quote("cafe", 0, 3, "not there"),))], documents=documents)
    assert (judged.places, judged.gold) == ((), "not there")


def test_measures_of_what_has_no_answer_and_of_quotes(index: None) -> None:
    documents = fill([SourceText(key, key, "a.txt", text) for key, text in TEXTS.items()], report=nothing)
    quoted = JudgedQuestion("How often is the pump oiled?", quotes=(Quote("pump", text="every week"),))
    [pump] = locate([quoted], documents=documents)
    nowhere = Located("What is the capital of Mongolia?", {}, ())
    asked = [pump, nowhere, replace(pump, removed=True)]
    values = ask(asked, site=EvaluatedSite.of_everybody(), method=None, cutoffs=[5], quotes=True)
    for name in ("first passage", "recall@5", "nDCG@10", "answered", "found and answered"):
        assert values[name] == [100], name
    assert values["refused"] == [100, values["answer removed, refused"][0]]
    assert (values["quoted"], values["gold words"], values["in first sentence"]) == ([100], [100], [100])
    assert values["median words"] == [len(TEXTS["pump"].split(". ")[0].split())]
    assert "recall@1" not in values


@pytest.mark.django_db
def test_text_is_held_in_any_capitals_and_in_titles() -> None:
    fill([SourceText("pump", "The Heron", "a.txt", TEXTS["pump"])], report=nothing)
    assert is_held("THIN OIL")
    assert is_held("heron")
    assert not is_held("Marabu")
