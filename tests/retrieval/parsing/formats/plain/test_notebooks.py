"""Jupyter notebooks: one odd value costs no file."""

from __future__ import annotations

import json

import pytest

from tests.retrieval.parsing.formats.reading import outline, read


@pytest.mark.parametrize(("level", "shown"), [("²", 1), ("9" * 5_000, 1), (-3, 1), (2, 2), ("3", 3), (None, 1), (9, 6)])
def test_odd_level_of_a_heading_costs_no_notebook(level: object, shown: int) -> None:
    cell = {"cell_type": "heading", "level": level, "source": "Setup"}
    assert outline(read("a.ipynb", json.dumps({"cells": [cell]}))) == [(shown, "Setup")]
