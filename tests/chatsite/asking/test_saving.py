"""A question is saved before anything else; where it can't be, whoever asked is told so."""

from __future__ import annotations

import sqlite3

import pytest
from django.db import connection
from django.test import Client

from chatsite.models import Run
from retrieval.models import Collection


@pytest.mark.django_db(transaction=True)
def test_question_that_a_locked_database_does_not_take_is_asked_again(client: Client) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite locks as a whole")
    Collection.objects.create(name="Public", slug="public", public=True)
    asked = {"path": "/api/v1/chat/query", "data": {"query": "When?"}, "content_type": "application/json"}
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 10")
    refused = client.post(**asked)
    assert (refused.status_code, refused["Retry-After"], refused.json()["error"]) == (503, "1", "database_busy")
    other.execute("ROLLBACK")
    other.close()
    assert not Run.objects.exists()
    assert client.post(**asked).status_code == 200
