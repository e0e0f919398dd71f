"""Any bytes under any name of a text: read, or refused as ParsingError."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.errors import ParsingError
from retrieval.text.cleaning import clean, without_hidden
from tests.retrieval.parsing.formats.reading import read

ENDINGS = ["txt", "md", "csv", "json", "yaml", "html", "rst", "tex", "srt", "ipynb", "eml", "rtf", "py"]
ANY = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MARKUP = st.lists(
    st.sampled_from(
        ["<", ">", "</", "<p", "&#x;", "{", "}", "[", "]", '"', "'", ",", ":", "\n", "\r", "\t", " ", "\\", "```", "|",
         "-", "# ", "a", "é", "0", "\0", "\ufeff", "\x85", "<!--", "<![CDATA[", "\\begin{x}", "{\\rtf1", "1\n00:"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@pytest.mark.case(39)
@pytest.mark.parametrize("ending", ENDINGS)
@ANY
@given(content=st.one_of(st.binary(max_size=200), MARKUP.map(str.encode)))
def test_any_bytes_are_read_or_refused(ending: str, content: bytes) -> None:
    try:
        extracted = read(f"file.{ending}", content)
    except ParsingError:
        return
    places = [heading.start for heading in extracted.headings]
    assert places == sorted(places)
    assert all(0 <= place <= len(extracted.text) for place in places)


@pytest.mark.case(31)
@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=80))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert without_hidden(without_hidden(text)) == without_hidden(text)
    assert not set("\0\u200b\u202e\u2066\ufeff\U000e0041") & set(clean(text) + without_hidden(text))
