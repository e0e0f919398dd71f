from __future__ import annotations

from pathlib import Path

from retrieval.parsing.formats.pdf.document import read_pdf
from retrieval.parsing.formats.pdf.warming import _sample


def test_sample_is_read_without_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(_sample())
    extracted = read_pdf(path)
    assert len(extracted.page_starts) == 2
    assert extracted.text.count("caf\u00e9s, \u201cZebra\u201d") == 8
    assert not extracted.notes
