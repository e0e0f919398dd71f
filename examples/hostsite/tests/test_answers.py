"""What the chat says of this site's documents, and to whom. No key, no server: `pytest` in this folder."""

import pytest
from django.contrib.auth.models import Group, User

from chatsite.testing import assert_answers, assert_refuses
from retrieval.models import Collection

RULES = {
    "Pool": "Glasses are not allowed near the pool. Children swim until seven o'clock.",
    "Sauna": "The sauna is heated on Fridays from four o'clock.",
}
KEY = {"Boiler room": "The key of the boiler room hangs behind the clock."}


@pytest.fixture
def staff(documents):
    """The rules for everybody, and a document that only the staff may read."""
    documents(RULES, collection="Rules")
    boiler = Collection.objects.create(name="Boiler room", slug="boiler")
    boiler.groups.add(Group.objects.create(name="Staff"))
    documents(KEY, collection=boiler)
    member = User.objects.create_user("janitor")
    member.groups.add(Group.objects.get(name="Staff"))
    return member


def test_rules_are_quoted(staff):
    assert_answers("When is the sauna heated?", cites="Sauna", quotes="heated on Fridays")
    assert_answers("Are glasses allowed near the pool?", cites="Pool")


def test_what_no_rule_says_is_refused(staff):
    assert_refuses("How much does the yearly membership cost?")


def test_key_is_the_staffs_alone(staff):
    question = "Where does the key of the boiler room hang?"
    assert_answers(question, cites="Boiler room", reader=staff)
    assert_refuses(question)
    assert_refuses(question, reader=User.objects.create_user("member"))


def test_language_model_is_held_to_its_sources(staff, scripted_model):
    scripted_model("On Fridays, from four o'clock [1].", "Every day, I suppose.")
    assert_answers("When is the sauna heated?", cites="Sauna", says="On Fridays")
    assert_refuses("When is the sauna heated?")
