import pytest

from retrieval.parsing.formats.titles import is_title


@pytest.mark.parametrize(
    "title",
    [
        "Annual report",
        "Benutzerhandbuch",
        "2013 Publication 15",
        "PDF.js - Wikipedia",
        "Introduction to Node.js",
        "Untitled: a history of art without names",
        "코로나-19 관련 보험약관",
        "上海",
        "IMM1344 E : APPLICATION TO SPONSOR",
        "Slide rules and how to use them",
        "Home Loan Interest Rates",
        "Microsoft Word for beginners",
        "Règlement intérieur",
        "Plan 2025.",
        "Files, version 2.0",
    ],
)
def test_title_that_is_one(title: str) -> None:
    assert is_title(title)


@pytest.mark.parametrize(
    "title",
    [
        "",
        " \n",
        "a",
        "Microsoft Word - x",
        "Microsoft Word - SPECIAL BOARD AGENDA 040616.doc",
        "Microsoft PowerPoint - ODL 3q16 update",
        "untitled",
        "(anonymous)",
        "Untitled-1",
        "Untitled - Notepad",
        "ohne Titel",
        "sans titre",
        "无标题",
        "Document1",
        "Document (2)",
        "Dokument1",
        "PowerPoint Presentation",
        "PowerPoint-Präsentation",
        "Slide 1",
        "Book1",
        "No Title",
        "report.doc",
        "My report 2013.docx",
        "flyer.indd",
        "Screenshot 2025-07-29 at 00.15.56.png",
        "Viewer.js",
        "BERGTALB.SDO",
        "18-12-new.PDF",
        "file:///share/empty.html",
        "C:\\Users\\me\\letter",
        "https://example.org/page",
        "otsl_proof_08",
        "905_Precinct_NoOU",
        "TRO111005-1",
        "0b9f4c8e-11aa-4a5b-8f52-1d2f3c4b5a69",
        "88300 162..177",
        "The \ufffd\ufffd report",
        "Long " * 100,
    ],
)
def test_title_that_a_program_filled_in(title: str) -> None:
    assert not is_title(title)
