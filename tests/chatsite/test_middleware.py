"""What the site writes to its log."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from django.test import Client

from chatsite.middleware import LineFormatter

FORGED = "a\x1b[31mred\x1b[0m\r\n2026-01-01 00:00:00,000 ERROR chatsite - forged\u2028line\x9b31m\x07"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the site's own handler writes."""
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler.formatter, LineFormatter)]
    [handler] = handlers
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    usual = handler.setStream(written)
    yield written
    handler.setStream(usual)


def test_case_33_what_is_logged_can_not_forge_a_line_or_colour_a_terminal(log: io.StringIO) -> None:
    logging.getLogger("retrieval").warning("Reading %s failed", FORGED)
    [line] = log.getvalue().splitlines()
    assert "Reading a\\x1b[31mred\\x1b[0m\\x0d\\n2026-01-01" in line
    assert line.endswith("forged\\x2028line\\x9b31m\\x07 failed")


def test_case_33_lines_of_a_traceback_stand_in_from_the_margin(log: io.StringIO) -> None:
    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("retrieval").exception("Reading failed")
    first, *rest = log.getvalue().splitlines()
    assert first.endswith("Reading failed")
    assert len(rest) > 3
    assert all(line.startswith(("    ", "Traceback")) for line in rest)
    assert not set(log.getvalue()) & {"\x1b", "\r", "\x9b", "\x07", "\u2028"}


@pytest.mark.django_db
def test_case_33_address_that_is_asked_for_is_logged_in_one_line(client: Client, log: io.StringIO) -> None:
    logging.getLogger("django.request").setLevel(logging.WARNING)
    try:
        assert client.get("/nothing/%1b%5b31m%0d%0aERROR%20forged/").status_code == 404
    finally:
        logging.getLogger("django.request").setLevel(logging.ERROR)
    [line] = log.getvalue().splitlines()
    assert "ERROR forged" in line
    assert "\x1b" not in line
