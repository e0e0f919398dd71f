"""The test kit with a user model of the guest's own, which can't be inactive, and with vectors of its own."""

import pytest
from people.models import Person

from chatsite.testing import assert_answers, assert_refuses
from retrieval.models import Collection


def test_answer_cites(documents):
    documents({"Tea": "Wait four minutes before you pour the tea."})
    assert_answers("How long do I wait before I pour the tea?", cites="Tea", quotes="four minutes")
    assert_refuses("Who won the chess championship of 1972?")


def test_owner_reads_what_others_do_not(documents):
    owner, other = (Person.objects.create(email=f"{name}@example.org") for name in ("owner", "other"))
    own = Collection.objects.create(name="Own", slug="own", owner=owner)
    documents({"Tea": "Wait four minutes before you pour the tea."}, collection=own)
    assert_answers("How long do I wait before I pour the tea?", reader=owner)
    assert_refuses("How long do I wait before I pour the tea?", reader=other)


def test_model_is_scripted(documents, scripted_model):
    documents({"Tea": "Wait four minutes before you pour the tea."})
    scripted_model("Four minutes [1].")
    assert_answers("How long do I wait before I pour the tea?", says="Four minutes")


def test_failure_is_told(documents):
    documents({"Tea": "Wait four minutes before you pour the tea."})
    with pytest.raises(AssertionError, match="without citing"):
        assert_answers("How long do I wait before I pour the tea?", cites="Coffee")
