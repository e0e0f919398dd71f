"""The API beside asking: health, schema, docs, and the shape of every error."""

from __future__ import annotations

from typing import Any

import yaml
from django.core.management import call_command
from django.test import Client

from retrieval.models import Collection


def test_health_tells_what_the_process_runs_on(client: Client, public: Collection, put: Any) -> None:
    put(public, "tea.md", "Boil the water.")
    response = client.get("/api/v1/health")
    assert response.status_code == 200
    body = response.json()
    assert (body["status"], body["chat_model"], body["store"]) == ("ok", "extractive", "embedded")
    assert body["documents"] == {"ready": 1}
    assert body["loop"]["pid"] > 0


def test_health_is_503_while_the_index_is_down(client: Client, index_down: None) -> None:
    response = client.get("/api/v1/health")
    assert (response.status_code, response.json()["status"]) == (503, "degraded")


def test_schema_is_valid_and_states_the_limits(client: Client, tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))
    schema = yaml.safe_load(client.get("/api/v1/schema").content)
    chosen = {f"/api/v1/chat/{path}" for path in ("attachments", "attachments/{document_id}")}
    chosen |= {f"/api/v1/chat/{path}" for path in ("documents", "documents/{document_id}")}
    runs = {f"/api/v1/chat/runs/{{run_id}}/{action}" for action in ("events", "stop", "feedback")}
    assert set(schema["paths"]) == {"/api/v1/chat/query", "/api/v1/health"} | runs | chosen
    fields = schema["components"]["schemas"]["Question"]["properties"]
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
