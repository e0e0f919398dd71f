"""The panel of django-debug-toolbar, with the real package: a request's searches, and no other's."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client
from django.urls import include, path

from chatsite.site_urls import urlpatterns as site_urls
from retrieval.models import Collection
from retrieval.searching.search import search
from tests import apart

urlpatterns: list[Any] = []


@pytest.fixture
def toolbar(settings: Any, monkeypatch: pytest.MonkeyPatch, db: None) -> Iterator[Client]:
    """A client of the staff at a site with the toolbar and the panel."""
    monkeypatch.setattr(sys, "path", [*sys.path, apart.beside()])
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "debug_toolbar"]
    settings.MIDDLEWARE = ["debug_toolbar.middleware.DebugToolbarMiddleware", *settings.MIDDLEWARE]
    settings.DEBUG_TOOLBAR_PANELS = ["retrieval.debug_panel.SearchPanel"]
    settings.DEBUG_TOOLBAR_CONFIG = {"SHOW_TOOLBAR_CALLBACK": lambda request: True, "IS_RUNNING_TESTS": False}
    urlpatterns[:] = [path("__debug__/", include("debug_toolbar.urls")), *site_urls]
    settings.ROOT_URLCONF = __name__
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    yield client
    urlpatterns.clear()


def shown(client: Client, page: str, **posted: str) -> tuple[str, str]:
    """What the toolbar of a page says beside the panel's name, and the panel itself."""
    html = (client.post(page, posted) if posted else client.get(page)).content.decode()
    subtitle = re.search(r"<small>(\d+ search[^<]*)</small>", html)
    request = re.search(r'data-request-id="([0-9a-f-]+)"', html)
    assert subtitle
    assert request
    panel = client.get("/__debug__/render_panel/", {"request_id": request[1], "panel_id": "SearchPanel"})
    return subtitle[1], json.loads(panel.content)["content"]


def test_searches_of_a_request_are_shown(toolbar: Client, public: Collection, put: Any) -> None:
    put(public, "tea.md", "# Tea <b>\n\nWait four minutes before you pour the tea.\n")
    search("kettle", user=AnonymousUser())  # of no request
    subtitle, panel = shown(toolbar, f"/admin/retrieval/collection/{public.pk}/query/", query="How long does tea take?")
    assert re.fullmatch(r"1 search in \d+\.\d ms", subtitle)
    assert "<h4>How long does tea take?</h4>" in panel
    assert "Wait four minutes before you pour the tea." in panel
    for stage in ("scope", "embed", "index", "passages"):
        assert f"<th>{stage}</th>" in panel
    assert "Tea &lt;b&gt;" in panel
    assert "kettle" not in panel
    assert "This request searched no documents." in shown(toolbar, "/admin/")[1]
