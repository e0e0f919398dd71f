"""The API beside asking: health, schema, docs, and the shape of every error."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from chatsite.api.urls import urlpatterns
from retrieval.models import Collection
from tests.chatsite.api.programs import Program


def test_health_tells_the_staff_what_the_process_runs_on(
    client: Client, admin_client: Client, reader: User, public: Collection, put: Any
) -> None:
    put(public, "tea.md", "Boil the water.")
    for other in (client, Program(reader)):
        response = other.get("/api/v1/health")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
    body = admin_client.get("/api/v1/health").json()
    assert (body["status"], body["chat_model"], body["store"]) == ("ok", "extractive", "embedded")
    assert body["documents"] == {"ready": 1}
    assert body["loop"]["pid"] > 0


def test_health_is_503_while_the_index_is_down(client: Client, index_down: None) -> None:
    response = client.get("/api/v1/health")
    assert (response.status_code, response.json()["status"]) == (503, "degraded")
    ready = client.get("/api/v1/health/ready")
    assert (ready.status_code, ready.json()) == (503, {"status": "degraded", "database": True, "index": False})


def test_process_that_lives_says_so_without_a_database(client: Client) -> None:
    """No database is allowed here: asking one would fail this test."""
    response = client.get("/api/v1/health/live", headers={"cookie": "sessionid=nonsense"})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_process_can_ask_database_and_index(client: Client, index: None) -> None:
    response = client.get("/api/v1/health/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "database": True, "index": True})


def test_schema_is_valid_and_states_the_limits(client: Client, tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))
    schema = yaml.safe_load(client.get("/api/v1/schema").content)
    routes = {"/api/v1/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(route.pattern)) for route in urlpatterns}
    assert set(schema["paths"]) == routes - {"/api/v1/schema", "/api/v1/docs"}
    fields = schema["components"]["schemas"]["QuestionRequest"]["properties"]
    assert fields["query"]["maxLength"] == 4_000
    assert fields["selected_text"]["maxLength"] == 20_000
    assert (fields["top_k"]["minimum"], fields["top_k"]["maximum"], fields["top_k"]["default"]) == (1, 10, 5)


def test_docs_page_loads_nothing_from_elsewhere_and_has_no_inline_code(client: Client) -> None:
    page = client.get("/api/v1/docs").content.decode()
    assert "swagger-ui" in page
    assert "http" not in page
    assert "<style" not in page
    assert "<script>" not in page


def test_case_45_schema_and_health_hold_no_secret(client: Client, db: None, settings: Any) -> None:
    for address in ("/api/v1/schema", "/api/v1/health", "/api/v1/docs"):
        assert settings.SECRET_KEY not in client.get(address).content.decode()


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_case_131_id_of_twenty_digits_is_404_at_every_address(admin_client: Client, index: None, method: str) -> None:
    routes = [str(route.pattern) for route in urlpatterns if "<int:" in str(route.pattern)]
    assert len(routes) >= 7
    for route in routes:
        address = "/api/v1/" + re.sub(r"<int:\w+>", "9" * 20, route)
        assert getattr(admin_client, method)(address).status_code in {404, 405}, address


LARGE = "9" * 20  # more than a column of the database holds


@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize(
    "address",
    [
        "/documents/{}/",
        "/documents/{}/original/",
        "/documents/{}/pages/1",
        "/documents/1/pages/{}",
        "/api/v1/chat/attachments/{}",
        "/api/v1/chat/documents/{}",
    ],
)
def test_case_131_id_of_20_digits_is_as_one_that_is_not_there(
    client: Client, reader: User, address: str, method: str
) -> None:
    client.force_login(reader)
    large, absent = (getattr(client, method)(address.format(number)).status_code for number in (LARGE, 77))
    assert large == absent
    assert large in {404, 405}


def test_case_131_id_of_20_digits_in_a_question_is_named(client: Client, reader: User) -> None:
    client.force_login(reader)
    for field in ({"document_ids": [int(LARGE)]}, {"selection": {"document_id": int(LARGE), "start": 0, "end": 3}}):
        body = {"query": "Tea?", "mode": "selected_text" if "selection" in field else "retrieval"} | field
        response = client.post("/api/v1/chat/query", body, content_type="application/json")
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
