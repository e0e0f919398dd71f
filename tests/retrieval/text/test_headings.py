"""The path of headings above a place stays a list, whatever signs the headings hold."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from retrieval.text.headings import PATH_MOST, Heading, heading_paths, section_name


def test_paths_are_those_of_the_headings_that_are_open() -> None:
    headings = [Heading(0, 1, "Guide"), Heading(5, 2, "File > Export"), Heading(9, 3, "PDF"), Heading(12, 2, "Help")]
    assert heading_paths(headings) == [
        (),
        ("Guide",),
        ("Guide", "File > Export"),
        ("Guide", "File > Export", "PDF"),
        ("Guide", "Help"),
    ]
    assert section_name(("Guide", "File > Export")) == "Guide > File > Export"


def test_path_is_bounded() -> None:
    headings = [Heading(level, level, "word " * 40) for level in range(1, 9)]
    paths = heading_paths(headings)
    assert [sum(map(len, path)) for path in paths] == [0, 200, 400, *[PATH_MOST] * 6]
    assert [len(path) for path in paths] == [0, 1, 2, *[3] * 6]


@pytest.mark.django_db(transaction=True)
def test_paths_of_chunks_that_are_there_become_lists_and_texts_again() -> None:
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    try:
        executor.migrate([("retrieval", "0007_labels")])
        chunks = executor.loader.project_state([("retrieval", "0007_labels")]).apps.get_model("retrieval", "Chunk")
        for position, heading in enumerate(["", "Guide", "Guide > File > Export"]):
            place = {"document_id": 1, "generation": 1, "position": position, "start": position, "end": position + 1}
            chunks.objects.create(id=f"00000000-0000-0000-0000-00000000000{position}", heading=heading, **place)
        executor = MigrationExecutor(connection)
        executor.migrate([("retrieval", "0009_heading_paths")])
        rows = executor.loader.project_state([("retrieval", "0009_heading_paths")]).apps.get_model("retrieval", "Chunk")
        found = rows.objects.order_by("position").values_list("headings", flat=True)
        assert list(found) == [[], ["Guide"], ["Guide", "File", "Export"]]
        executor = MigrationExecutor(connection)
        executor.migrate([("retrieval", "0007_labels")])
        assert list(chunks.objects.order_by("position").values_list("heading", flat=True)) == [
            "",
            "Guide",
            "Guide > File > Export",
        ]
        chunks.objects.all().delete()
    finally:
        MigrationExecutor(connection).migrate(latest)
