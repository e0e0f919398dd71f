"""A site with two collections, an agent of one of them, and one that a group has."""

from __future__ import annotations

from typing import Any

import pytest

from retrieval.models import Collection

TEA = "# Tea\n\nWait four minutes before you pour the tea.\n"
SHIPS = "# Ships\n\nEleven ships sail to Iceland in the summer.\n"


@pytest.fixture
def site(settings: Any, public: Collection, put: Any) -> Collection:
    put(public, "tea.md", TEA)
    harbour = Collection.objects.create(name="Harbour", slug="harbour", public=True)
    put(harbour, "ships.md", SHIPS)
    settings.DOCCHAT = {
        "AGENTS": {
            "kitchen": {"collections": [public.slug], "starters": ["How long do I wait?"], "tone": "warm"},
            "staff": {"groups": ["Staff"]},
        }
    }
    return public
