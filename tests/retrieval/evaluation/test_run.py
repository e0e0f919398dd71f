"""Ways to search, and what is measured when a site of a few documents is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chatsite.evaluation import EvaluatedSite
from retrieval.errors import EvaluationSetError
from retrieval.evaluation.located import locate
from retrieval.evaluation.questions import JudgedQuestion, SourceText
from retrieval.evaluation.run import ask, parse_method
from retrieval.evaluation.site import fill
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
