"""`call()` runs agents of other frameworks from sync code: their own async APIs, over a real connection to a model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents import call
from retrieval.models import Collection
from tests.agents.foreign import AGENTS, FRAMEWORKS
from tests.fakes.chat_server import ChatServer
from tests.fakes.shelf_server import ShelfServer
from tests.servers import migrate, site

pytestmark = pytest.mark.parametrize("framework", FRAMEWORKS)


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with ShelfServer() as server:
        yield server


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a site without documents."""
    data_dir = tmp_path_factory.mktemp("foreign")
    migrate(data_dir)
    return data_dir


@pytest.mark.django_db
def test_tool_sees_what_its_callers_open_transaction_has_written(framework: str, model: ChatServer) -> None:
    Collection.objects.create(name="Whales", slug="whales")
    ask = AGENTS[framework](model.url)
    here = threading.get_ident()
    assert call(ask, "whales", timeout=20) == f"There are 1 named whales, seen by {here}"
    assert call(ask, "ships", timeout=20) == f"There are 0 named ships, seen by {here}"
    assert model.connections == 1  # the second call found the first one's connection, on the same loop


@pytest.mark.hosts
@pytest.mark.parametrize("host", ["gunicorn gthread", "uvicorn"])
def test_forty_eight_requests_twelve_at_once(framework: str, host: str, model: ChatServer, migrated: Path) -> None:
    def ask(number: int) -> dict[str, Any]:
        response = httpx.get(f"{running.url}/foreign/{framework}", params={"shelf": f"shelf-{number}"}, timeout=60)
        assert response.status_code == 200, running.output
        return dict(response.json())

    settings = {"DJANGO_SETTINGS_MODULE": "tests.agents.foreign", "MODEL_URL": model.url}
    with site(host, data_dir=migrated, **settings) as running, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(48)))
    for number, answer in enumerate(answers):
        assert answer["answer"] == f"There are 0 named shelf-{number}, seen by {answer['ident']}"
        assert answer["refused"] == []
    assert len(model.requests) == 96
    assert model.connections < 48  # pooled: a client per call would have opened one each
    assert "Traceback" not in running.output
