"""What `manage.py check` says of a configuration."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection

from chatsite.checks import check_write_lock
from tests.servers import manage


def found(tag: str) -> list[tuple[str | None, str]]:
    return [(message.id, message.msg) for message in run_checks(tags=[tag]) if str(message.id).startswith("chatsite")]


def test_default_configuration_is_in_order() -> None:
    assert found("agents") == found("security") == []


def test_deployment_is_told_that_nothing_limits_what_readers_attach(settings: Any) -> None:
    def told() -> list[str | None]:
        messages = run_checks(tags=["security"], include_deployment_checks=True)
        return [message.hint for message in messages if message.id == "chatsite.I001"]

    assert told() == []
    settings.ATTACHMENTS_QUOTA_BYTES = 0
    assert told() == ["Set ATTACHMENTS_QUOTA_BYTES, or ATTACHMENTS to 0."]
    settings.USER_QUOTA_BYTES = 10**9
    assert told() == []
    settings.USER_QUOTA_BYTES, settings.ATTACHMENTS = 0, 0
    assert told() == []


def test_case_133_deployment_is_told_that_others_can_look_into_the_data(settings: Any, tmp_path: Path) -> None:
    def hints() -> list[str | None]:
        messages = run_checks(tags=["security"], include_deployment_checks=True)
        return [message.hint for message in messages if message.id == "chatsite.W008"]

    settings.DATA_DIR = tmp_path
    tmp_path.chmod(0o750)
    assert hints() == [f"chmod 700 {tmp_path}"]
    tmp_path.chmod(0o700)
    assert hints() == []


def test_gevent_is_refused_with_the_reason_and_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    patched = SimpleNamespace(is_module_patched=lambda name: name == "threading")
    monkeypatch.setitem(sys.modules, "gevent.monkey", patched)  # type: ignore[arg-type]
    ((id_, message),) = found("agents")
    assert id_ == "chatsite.E001"
    assert "gevent has replaced Python's threads" in message
    assert "gunicorn -k gthread" in message


@pytest.mark.parametrize(
    ("changed", "id_", "named"),
    [
        ({"DEBUG": True, "ALLOWED_HOSTS": ["localhost", "docs.example.org"]}, "chatsite.W001", "docs.example.org"),
        ({"EMBEDDING_MODEL": "bge-m3"}, "chatsite.W002", "EMBEDDING_BASE_URL"),
        ({"QDRANT_API_KEY": "k"}, "chatsite.W002", "QDRANT_URL"),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://8.8.8.8/v1"}, "chatsite.W003", "OPENAI_BASE_URL"),
        (
            {"OPENAI_API_KEY": "k", "EMBEDDING_BASE_URL": "http://vectors.org/v1"},
            "chatsite.W003",
            "EMBEDDING_BASE_URL",
        ),
        ({"RUNS_PER_USER": 8, "RUNS_PER_PROCESS": 8}, "chatsite.W006", "RUNS_PER_USER"),
        ({"QDRANT_API_KEY": "k", "QDRANT_URL": "http://qdrant.example.org:6333"}, "chatsite.W003", "QDRANT_URL"),
    ],
)
def test_misconfiguration_is_named(settings: Any, changed: dict[str, Any], id_: str, named: str) -> None:
    for name, value in changed.items():
        setattr(settings, name, value)
    ((found_id, message),) = found("agents") + found("security")
    assert found_id == id_
    assert named in message


@pytest.mark.parametrize(
    "harmless",
    [
        {"EMBEDDING_MODEL": "fastembed/BAAI/bge-small-en-v1.5"},
        {"EMBEDDING_MODEL": "multilingual-e5-small"},
        {"DEBUG": True, "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]", ".localhost"]},
        {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"},
        {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://models.example.org/v1"},
        {"OPENAI_BASE_URL": "http://models.example.org/v1"},
        {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://10.0.0.9/v1"},
        {"QDRANT_API_KEY": "k", "QDRANT_URL": "http://qdrant:6333"},
        {"QDRANT_API_KEY": "k", "QDRANT_URL": "http://[::1]:6333"},
    ],
)
def test_harmless_configuration_passes(settings: Any, harmless: dict[str, Any]) -> None:
    for name, value in harmless.items():
        setattr(settings, name, value)
    assert found("agents") + found("security") == []


@pytest.mark.parametrize("wrong", [{"accent": "red"}, {"side": "left"}])
def test_wrong_option_of_the_chat_button_is_named(settings: Any, wrong: dict[str, str]) -> None:
    settings.DOCCHAT = wrong
    ((id_, message),) = found("agents")
    assert id_ == "chatsite.E002"
    assert next(iter(wrong)) in message


@pytest.mark.parametrize(
    ("misspelt", "hint"),
    [
        ("CHAT_MODLE", "Did you mean 'CHAT_MODEL'?"),
        ("chat_model", "Did you mean 'CHAT_MODEL'?"),
        ("Title", "Did you mean 'title'?"),
        ("colour", "Leave it out."),
    ],
)
def test_key_that_nothing_reads_is_named_with_the_nearest(settings: Any, misspelt: str, hint: str) -> None:
    settings.DOCCHAT = {"CHAT_MODEL": "qwen3", "INDEX_DIR": "/srv/index", "accent": "#7a1f3d", misspelt: "x"}
    (message,) = (message for message in run_checks(tags=["agents"]) if message.id == "chatsite.E003")
    assert misspelt in message.msg
    assert message.hint == hint


def test_sqlite_that_takes_its_write_lock_late_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_write_lock(None) == []
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"timeout": 20})
    (message,) = check_write_lock(None)
    assert message.id == "chatsite.W005"
    assert "IMMEDIATE" in str(message.hint)


def test_check_command_runs_them(tmp_path: Path) -> None:
    manage("check", "--tag=agents", "--fail-level=WARNING", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("setting", "lacking", "id_"),
    [
        ("MIDDLEWARE", "django.contrib.sessions.middleware.SessionMiddleware", "chatsite.E004"),
        ("MIDDLEWARE", "django.contrib.auth.middleware.AuthenticationMiddleware", "chatsite.E004"),
        ("TEMPLATES", "django.contrib.auth.context_processors.auth", "chatsite.E005"),
        ("INSTALLED_APPS", "django.contrib.admin", "chatsite.W007"),
        ("INSTALLED_APPS", "django.contrib.staticfiles", "chatsite.W007"),
    ],
)
def test_part_that_the_project_has_left_out_is_named(settings: Any, setting: str, lacking: str, id_: str) -> None:
    if setting == "TEMPLATES":
        settings.TEMPLATES = copy.deepcopy(settings.TEMPLATES)
        settings.TEMPLATES[0]["OPTIONS"]["context_processors"].remove(lacking)
    else:
        setattr(settings, setting, [part for part in getattr(settings, setting) if part != lacking])
    ((found_id, message),) = found("agents")
    assert found_id == id_
    assert lacking in message
