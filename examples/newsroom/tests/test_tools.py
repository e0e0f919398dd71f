"""The chat looks up a reader's own orders, and asks before it cancels one. No key: the model is scripted."""

import datetime
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from news.models import Order

from agents import ToolCall
from chatsite.testing import assert_answers

ASKED = "Where is my order 7?"


def calls(name, **arguments):
    return ToolCall("call_1", name, json.dumps(arguments))


@pytest.fixture
def reader(db):
    reader = User.objects.create_user("reader")
    Order.objects.create(customer=reader, number=7, issue="May 1968", sent_on=datetime.date(2026, 5, 4))
    Order.objects.create(customer=reader, number=8, issue="June 1972")
    return reader


def test_order_is_looked_up_and_cited(reader, documents, scripted_model):
    scripted_model(calls("order_status", number=7), "It was sent on 4 May 2026 [1].")
    asked = assert_answers(ASKED, reader=reader, cites="Your order 7", quotes="was sent on 4 May 2026")
    assert asked.body["citations"][0]["looked_up"] == "looked up just now"


def test_order_of_somebody_else_is_none(reader, documents, scripted_model):
    model = scripted_model(calls("order_status", number=7), "The reader has no such order [1].")
    other = User.objects.create_user("other")
    asked = assert_answers(ASKED, reader=other, quotes="The reader has no such order")
    assert "1968" not in json.dumps(asked.body)
    model.assert_finished()


def test_order_is_cancelled_once_its_reader_has_confirmed_it(transactional_db, documents, scripted_model, client):
    reader = User.objects.create_user("reader")
    order = Order.objects.create(customer=reader, number=8, issue="June 1972")
    client.force_login(reader)
    scripted_model(calls("cancel_order", number=8), "Order 8 is cancelled [1].")
    sent = client.post("/ask/api/v1/chat/query", {"query": "Cancel order 8."}, content_type="application/json")
    [approval] = sent.json()["approvals"]
    assert (approval["title"], approval["arguments"]) == ("Cancel an order", {"number": 8})
    assert Order.objects.filter(pk=order.pk, cancelled=False).exists()
    decided = {"call_id": approval["call_id"], "approved": True}
    answer = client.post(approval["url"], decided, content_type="application/json").json()
    assert (answer["answered"], answer["citations"][0]["title"]) == (True, "Cancel an order")
    assert Order.objects.filter(pk=order.pk, cancelled=True).exists()


def test_chat_is_no_more_than_forty_lines(request):
    marked = [
        line
        for path in request.config.rootpath.rglob("*.py")
        if "site-packages" not in str(path)
        for line in path.read_text().splitlines()
        if path.parent.name != "tests" and (line.endswith("# docchat") or "# docchat:" in line)
    ]
    own = [request.config.rootpath / "news" / name for name in ("docchat.py", "tools.py")]
    written = [line for path in own for line in path.read_text().splitlines() if line.strip()]
    assert len(marked) + len(written) <= 40


def test_check_finds_nothing_wrong(db):
    call_command("check", fail_level="ERROR")
