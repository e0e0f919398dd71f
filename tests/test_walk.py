"""One real question is followed through the house: it takes the way that CONTRIBUTING.md draws, and enters no room
again that it has left."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.test import Client

import agents
from retrieval.models import Collection
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("agents", "chatsite", "retrieval")
MOST_HOPS = 12
OWN_STEP = "agents"  # its loop calls the tool and the model, in turns


def walk() -> list[str]:
    """The hops of CONTRIBUTING.md, each as `file:function`."""
    drawn = (ROOT / "CONTRIBUTING.md").read_text().split("<!-- walk -->")[1]
    return re.findall(r"^\d+\. `([\w/.]+:[\w.]+)`", drawn, flags=re.MULTILINE)


class Steps:
    """Every call of a function of ours, on any thread, in order: who called it (a file; of what asyncio and Django call
    none), and which function it is. Going on with a generator is no call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self._seen: dict[int, FrameType] = {}  # holds the frames, so that no other gets the same id

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call" or id(frame) in self._seen or not (file := our_file(frame)):
            return
        self._seen[id(frame)] = frame
        self.calls.append((caller_of(frame), f"{file}:{frame.f_code.co_qualname}"))


def our_file(frame: FrameType) -> str:
    path = frame.f_code.co_filename
    if not path.startswith(f"{ROOT}/"):
        return ""
    inside = path.removeprefix(f"{ROOT}/")
    return inside if inside.split("/")[0] in PACKAGES else ""


def caller_of(frame: FrameType) -> str:
    caller = frame.f_back
    while caller is not None and not our_file(caller):
        caller = caller.f_back
    return our_file(caller) if caller else ""


@contextmanager
def followed() -> Iterator[Steps]:
    agents.shutdown(0)  # the managed loop begins anew, on a thread that is followed
    steps = Steps()
    threading.setprofile(steps)
    sys.setprofile(steps)
    try:
        yield steps
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        agents.shutdown(0)


def room(place: str) -> str:
    """The folder that a file, or `file:function`, stands in; `agents` is one room."""
    file = place.partition(":")[0]
    return "agents" if file.startswith("agents/") else str(Path(file).parent)


@pytest.fixture
def steps(client: Client, settings: Any, public: Collection, put: Any, model: ChatServer) -> Steps:
    settings.OPENAI_BASE_URL, settings.CHAT_MODEL = model.url, "tiny"
    put(public, "tea.md", "# Tea\n\nWait four minutes before you pour.")
    assert "Four minutes [1]." in ask(client, model)  # what is imported and built once is no part of the walk
    with followed() as steps:
        ask(client, model)
    return steps


def ask(client: Client, model: ChatServer) -> str:
    model.script(chat_server.text("Four minutes [1]."))
    body = {"query": "How long do I wait before I pour the tea?", "stream": True}
    response = client.post("/api/v1/chat/query", body, content_type="application/json")
    return response.getvalue().decode()


@pytest.mark.django_db(transaction=True)
def test_question_takes_the_way_that_is_drawn_and_each_hop_once(steps: Steps) -> None:
    hops = walk()
    assert 8 <= len(hops) <= MOST_HOPS
    assert [function for _, function in steps.calls if function in hops] == hops


@pytest.mark.django_db(transaction=True)
def test_no_room_of_the_walk_is_entered_again(steps: Steps) -> None:
    """Rooms stand in the order of the walk, and each calls only those behind it. The agent's own step calls its
    tool and
    its model: the one way back."""
    rooms = list(dict.fromkeys(room(hop) for hop in walk()))
    entered = [
        (room(caller), room(function), function)
        for caller, function in steps.calls
        if room(caller) in rooms and room(function) in rooms and room(caller) != room(function)
    ]
    assert {here for _, here, _ in entered} == set(rooms[1:])
    back = [step for step in entered if rooms.index(step[1]) < rooms.index(step[0]) and step[0] != OWN_STEP]
    assert back == []
