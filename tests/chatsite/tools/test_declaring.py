"""Tools that can't be offered are named by a check; those that fail are told as failed, and the site goes on."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.test import Client

from chatsite.models import HostToolCall
from chatsite.tools import Source, tool
from chatsite.tools.declaring import registry, withdraw
from chatsite.tools.results import SOURCES_MOST, TEXT_MOST, UnusableResult, sources_of
from chatsite.tools.running import ToolHangs, in_time
from tests.chatsite.tools import shop as tools
from tests.chatsite.tools.conftest import HERE, looks_up
from tests.chatsite.tools.shop import Seen
from tests.fakes.chat_server import ChatServer

Asks = Callable[..., dict[str, Any]]


def said(*ids: str) -> list[str]:
    return [message.msg for message in run_checks(tags=["agents"]) if message.id in ids]


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ([f"{HERE}.untyped"], "parameter 'number' has no type annotation"),
        ([f"{HERE}.missing"], f"names {HERE}.missing: ImportError"),
        (["nowhere.at_all"], "names nowhere.at_all: ModuleNotFoundError"),
        ([f"{HERE}.search"], "is called 'search'"),
        ([f"{HERE}.SECRET"], "is no function"),
        ("shop.tools", "no list of dotted paths"),
        ([7], "no list of dotted paths"),
    ],
)
def test_tool_that_cant_be_offered_is_named(settings: Any, named: Any, told: str) -> None:
    settings.DOCCHAT = {"TOOLS": named}
    [message] = said("chatsite.E012")
    assert told in message
    assert registry().tools == {}


def test_name_that_two_have_is_named_and_the_first_is_offered(settings: Any) -> None:
    settings.DOCCHAT = {"TOOLS": [f"{HERE}.order_status"]}
    tool(name="order_status")(tools.weather)
    try:
        [message] = said("chatsite.E012")
        assert f"{HERE}.order_status and {HERE}.weather" in message
        assert [tool.title for tool in registry().tools.values()] == ["Order status"]
    finally:
        withdraw(tools.weather)


def test_tool_without_a_docstring_is_offered_with_a_warning(settings: Any) -> None:
    settings.DOCCHAT, settings.OPENAI_BASE_URL = {"TOOLS": [f"{HERE}.wordless"]}, "http://127.0.0.1:9/v1"
    [message] = said("chatsite.E012", "chatsite.W009", "chatsite.W010")
    assert "wordless has no docstring" in message


def test_check_and_doctor_say_that_no_model_asks_them(settings: Any, index: None) -> None:
    settings.DOCCHAT = {"TOOLS": [f"{HERE}.order_status"]}
    assert said("chatsite.W010") == ["No language model is configured, so no tool is asked: order_status."]
    output = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=output)
    assert "order_status (not asked: there is no language model)" in output.getvalue()


def test_decorated_function_stays_what_it_was() -> None:
    decorated = tool(approve=True)(tools.cancel_order)
    withdraw(tools.cancel_order)
    assert decorated is tools.cancel_order


# ---- failures --------------------------------------------------------------------------------------------------------
def test_tool_that_raises_is_told_as_failed_and_its_words_are_logged_alone(
    fox: User, model: ChatServer, ask: Asks, settings: Any, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DOCCHAT = {"TOOLS": [f"{HERE}.broken"]}
    looks_up(model, "broken", "It could not be looked up.", number=3)
    answer = ask()
    read = model.requests[1].body["messages"][-1]["content"]
    assert "broken failed: this could not be looked up or done" in read
    assert "hunter2" not in json.dumps([request.body for request in model.requests])
    assert "hunter2" in caplog.text
    assert HostToolCall.objects.get().state == "failed"
    page = client.get(f"/c/{answer['session_id']}/").content.decode()
    assert "It could not be looked up or done." in page
    assert "hunter2" not in page


@pytest.mark.django_db(transaction=True)
def test_tool_that_hangs_is_given_up_and_the_run_goes_on_with_another_connection(
    transactional_db: None, fox: User, model: ChatServer, ask: Asks, settings: Any, shop: Seen
) -> None:
    settings.DOCCHAT, settings.TOOL_SECONDS = {"TOOLS": [f"{HERE}.slow"]}, 0.2
    looks_up(model, "slow", "It could not be looked up.")
    answer = ask()
    assert answer["unsupported"] == "It could not be looked up."
    assert (HostToolCall.objects.get().state, shop.calls) == ("failed", [("slow", None)])
    assert connection.is_usable()
    assert ask("How long do I wait before I pour the tea?")["answered"] is True


def test_time_is_kept_and_what_a_function_raises_is_raised(db: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    assert in_time(User.objects.count, seconds=5) == 0
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: 1 / 0, seconds=5)
    with pytest.raises(RuntimeError, match="SystemExit"):
        in_time(exit, seconds=5)
    with pytest.raises(ToolHangs, match=r"longer than 0\.05 seconds"):
        in_time(tools.slow, seconds=0.05)


def test_row_that_the_test_has_not_committed_is_seen_by_a_tool(db: None) -> None:
    Group.objects.create(name="Here")
    assert in_time(lambda: Group.objects.get(name="Here").name, seconds=5) == "Here"


# ---- what they give --------------------------------------------------------------------------------------------------
@dataclass
class Parcel:
    number: int
    lines: list[str]
    sent: date | None = None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("On its way.", "On its way."),
        ({"state": "on its way", "sent_on": date(2026, 5, 4)}, "State: on its way\n\nSent on: 2026-05-04"),
        ([1, "two", Decimal("3.50")], "1\n\ntwo\n\n3.50"),
        (Parcel(7, ["tea", "pot"]), "Number: 7\n\nLines:\n\n  tea\n\n  pot"),
        ({"a": {"b": {"c": {"d": {"e": "deep"}}}}}, "A:\n\n  B:\n\n    C:\n\n      D:\n\n        …"),
    ],
)
def test_value_becomes_text(value: object, text: str) -> None:
    assert sources_of(value, title="Parcel") == [Source("Parcel", text)]


def test_row_becomes_its_fields_and_no_user_does(db: None) -> None:
    group = Group.objects.create(name="Members")
    assert sources_of(group, title="Group") == [Source("Members", "Name: Members")]
    assert sources_of(Group.objects.filter(name="Members"), title="Groups") == [Source("Members", "Name: Members")]
    with pytest.raises(UnusableResult):
        sources_of(User(username="fox", password="x"), title="User")


@pytest.mark.parametrize("value", [b"bytes", object(), Parcel])
def test_value_that_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(UnusableResult):
        sources_of(value, title="Parcel")


@pytest.mark.parametrize("value", [None, "", "  ", []])
def test_nothing_is_no_source(value: object) -> None:
    assert sources_of(value, title="Parcel") == []


def test_sources_are_bounded_and_clean() -> None:
    hostile = Source("A\u202e title\n" + "x" * 500, "a\0b\ud800" + "c" * 20_000, url="javascript:alert(1)")
    found = sources_of([hostile] * 50, title="Parcel")
    assert len(found) == SOURCES_MOST
    assert found[0].title.startswith("A title x")
    assert (len(found[0].title), found[0].text[:3], len(found[0].text), found[0].url) == (120, "abc", TEXT_MOST, "")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("/orders/1/", True),
        ("https://shop.example.org/1", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("data:text/html,x", False),
        ("http://", False),
        ("/a b", False),
        ("http://[", False),
    ],
)
def test_address_of_a_source_is_a_path_or_http(url: str, kept: bool) -> None:
    assert sources_of(Source("a", "b", url), title="")[0].url == (url if kept else "")


@pytest.fixture(autouse=True)
def nothing_declared() -> Iterator[None]:
    yield
    withdraw(tools.cancel_order)
