"""The environment: a wrong value stops start-up and names itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.servers import manage


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "99999"),
        ("ATTACHMENTS", "-1"),
        ("ATTACHMENTS", "many"),
        ("RUNS_PER_USER", "0"),
        ("RUNS_PER_ADDRESS", "0"),
        ("ATTACHMENTS_QUOTA_BYTES", "500 MB"),
        ("RUNS_PER_PROCESS", "many"),
        ("DEBUG", "maybe"),
        ("EMAIL_URL", "mail.example.org"),
        ("EMAIL_URL", "smtp://mail.example.org:many"),
        ("ANONYMOUS_CHAT", "sometimes"),
        ("OPENAI_BASE_URL", "localhost:11434"),
        ("EMBEDDING_BASE_URL", "ftp://example.org"),
        ("QDRANT_URL", "qdrant"),
        ("QDRANT_SHARDS", "0"),
        ("QDRANT_REPLICAS", "two"),
        ("QDRANT_QUANTIZATION", "int8"),
        ("RERANK", "colbert"),
        ("ANSWER_CONFIDENCE", "1.5"),
        ("DATABASE_URL", "mysterious://host/name"),
        ("FETCH_HOSTS", "wiki.example.org,http://wiki.example.org/"),
        ("FETCH_HOSTS", "wiki.example.org:99999"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy.example.org"),
        ("USER_QUOTA_BYTES", "-1"),
        ("USER_QUOTA_BYTES", "5 GB"),
    ],
)
def test_wrong_value_stops_the_start_and_names_the_variable(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as stopped:
        manage("check", data_dir=tmp_path, **{name: value})
    last = stopped.value.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert name in last


def test_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    manage("check", data_dir=tmp_path)
    kept = tmp_path / "secret_key"
    first = kept.read_text()
    manage("check", data_dir=tmp_path)
    assert kept.read_text() == first
    assert len(first) > 50
    assert kept.stat().st_mode & 0o077 == 0
