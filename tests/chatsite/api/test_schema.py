"""The schema is true: for who has a key, another one or none, as calls that are made of it show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

from benchmarks.schema_calls import CALLERS, SEED, call, calling_site
from chatsite.api.schema import TextFieldScheme

METHODS = ("get", "post", "put", "patch", "delete")


def schema(client: Client) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(client.get("/api/v1/schema").content)
    return loaded


def operations(client: Client) -> dict[str, dict[str, Any]]:
    """Return each operation by its method and address."""
    return {
        f"{method.upper()} {path.removeprefix('/api/v1/')}": operation
        for path, operations in schema(client)["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    }


def test_schema_is_of_openapi_3_1(client: Client, db: None) -> None:
    assert schema(client)["openapi"].startswith("3.1.")


def test_nobody_needs_a_key_where_the_site_answers_everyone(client: Client, db: None, settings: Any) -> None:
    anyway = {"GET health"}
    reading = {
        "POST chat/query", "POST search", "GET collections", "GET documents", "GET documents/{document_id}",
        "GET documents/{document_id}/original", "GET documents/{document_id}/chunks", "GET chat/documents",
        "GET chat/documents/{document_id}", "GET chat/runs/{run_id}", "GET chat/runs/{run_id}/events",
        "GET chat/runs/{run_id}/trace", "POST chat/runs/{run_id}/decision", "POST chat/runs/{run_id}/stop",
        "PUT chat/runs/{run_id}/feedback",
    }  # fmt: skip
    for everyone, expected in ((True, anyway | reading), (False, anyway)):
        settings.ANONYMOUS_CHAT = everyone
        assert {name for name, one in operations(client).items() if {} in one.get("security", [])} == expected


def test_each_operation_names_the_errors_that_it_can_end_with(client: Client, db: None) -> None:
    for name, operation in operations(client).items():
        statuses = set(operation["responses"])
        if name not in {"GET health/live", "GET health/ready"}:
            assert statuses >= {"401", "403"}, name
        if "requestBody" in operation:
            assert statuses >= {"400", "413", "415"}, name
        if "{" in name:
            assert "404" in statuses, name
        if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
            assert statuses >= {"400", "414"}, name


@pytest.mark.parametrize("text", ["", " \n", "\x00a", "a\x00"])
def test_text_that_the_api_refuses_is_none_of_the_schemas(client: Client, db: None, text: str) -> None:
    body = {"query": text}
    assert client.post("/api/v1/search", body, content_type="application/json").status_code == 400
    assert not re.search(TextFieldScheme.pattern, text)
    assert re.search(TextFieldScheme.pattern, " a\n b")


@pytest.mark.parametrize(
    ("address", "field"), [("collections=%00", "collections"), ("collections=" + "a" * 10_001, "collections"),
                           ("document_ids=1,x", "document_ids"), ("document_ids=" + "1" * 20, "document_ids")],
)  # fmt: skip
def test_values_in_one_parameter_are_checked_as_the_schema_says(
    client: Client, db: None, address: str, field: str
) -> None:
    response = client.get(f"/api/v1/chat/documents?{address}")
    assert (response.status_code, list(response.json()["details"])) == (400, [field])


def test_whole_number_may_be_written_as_json_allows(client: Client, index: None) -> None:
    for limit, status in ((5.0, 200), (5.5, 400), ("5", 400), (True, 400), (1e400, 400)):
        body = {"query": "tea", "limit": limit}
        assert client.post("/api/v1/search", body, content_type="application/json").status_code == status, limit


@pytest.mark.hosts
def test_calls_made_of_the_schema_find_no_fault(tmp_path: Path) -> None:
    """A few calls of every operation; `python -m benchmarks.schema_calls` makes thousands."""
    with calling_site(tmp_path) as running:
        for caller, key in CALLERS.items():
            called = call(running, key=key, examples=3, seed=SEED, folder=tmp_path, phases="fuzzing")
            assert called.violations == [], caller
            assert called.calls > 60
            assert [status for status in called.statuses if status >= 500] == []
