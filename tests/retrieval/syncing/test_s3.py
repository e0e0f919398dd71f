"""A bucket by django-storages, against moto's S3 server on the loopback. Where those packages are not installed, it is
not run here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from retrieval.models import Collection, SyncedSource
from tests.retrieval.syncing.sources import counts, look_at, make_source, titles

moto = pytest.importorskip("moto.server", reason="not run here: moto[server] and django-storages[s3] are not installed")
pytest.importorskip("storages.backends.s3", reason="not run here: django-storages[s3] is not installed")


@pytest.fixture(params=["", "inside"])
def source(request: Any, settings: Any, tmp_path: Path, public: Collection) -> Iterator[SyncedSource]:
    server = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = {
        "bucket_name": "contracts",
        "endpoint_url": f"http://{host}:{port}",
        "access_key": "test",
        "secret_key": "test",
        "region_name": "us-east-1",
        "location": request.param,
    }
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = settings.STORAGES | {
        "contracts": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    }
    settings.SOURCE_STORAGES = ["contracts"]
    storages["contracts"].connection.create_bucket(Bucket="contracts")
    yield make_source(public, "storage", storage="contracts", folder="")
    server.stop()


def put(name: str, text: str) -> None:
    storages["contracts"].delete(name)
    storages["contracts"].save(name, ContentFile(text.encode()))


def test_bucket_is_followed_by_its_listing(source: SyncedSource) -> None:
    put("hours.md", "# Hours\n\nNine.")
    put("2026/prices.md", "# Prices\n\nTen.")
    run = look_at(source)
    assert (run.state, counts(run), titles()) == ("done", {"added": 2}, ["Hours", "Prices"])
    put("2026/prices.md", "# Prices\n\nSix.")  # as long as before, within the same second
    assert counts(look_at(source)) == {"changed": 1, "unchanged": 1}
    storages["contracts"].delete("hours.md")
    assert counts(look_at(source)) == {"unchanged": 1, "gone": 1}
    source.settings |= {"folder": "2026"}
    source.save()
    assert counts(look_at(source)) == {"unchanged": 1}
