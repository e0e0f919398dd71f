from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retrieval.errors import ParsingError
from retrieval.notes import Note, Notes
from retrieval.parsing.formats.archive import kind_of_archive
from retrieval.parsing.formats.office.package import OfficePackage, as_transitional, open_package
from tests.retrieval import files

RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>{}</Types>'
)
OFFICE = "application/vnd.openxmlformats-officedocument."


def relations(**targets: str) -> bytes:
    """Relations whose ids are their kinds."""
    items = "".join(
        f'<Relationship Id="{kind}" Type="{RELATIONS}/{kind}" Target="{target}"/>' for kind, target in targets.items()
    )
    return f'<Relationships xmlns="x">{items}</Relationships>'.encode()


def types(**declared: str) -> bytes:
    items = "".join(f'<Override PartName="{name}" ContentType="{OFFICE}{kind}"/>' for name, kind in declared.items())
    return TYPES.format(items).encode()


@contextmanager
def opened(tmp_path: Path, parts: dict[str, bytes]) -> Iterator[OfficePackage]:
    path = tmp_path / "stored"
    path.write_bytes(files.archive(**parts))
    with open_package(path, ending="docx", notes=Notes()) as package:
        yield package


@pytest.mark.parametrize(
    "target", ["word/document.xml", "/word/document.xml", "./word/document.xml", "Word/Document.XML"]
)
def test_main_part_is_what_the_package_relates_to(tmp_path: Path, target: str) -> None:
    with opened(tmp_path, {"_rels/.rels": relations(officeDocument=target), "word/document.xml": b"<x/>"}) as package:
        assert package.main_part("docx") == "word/document.xml"


@pytest.mark.parametrize(
    "kind",
    [
        "wordprocessingml.document.main+xml",
        "wordprocessingml.template.main+xml",
        "ms-word.document.macroEnabled.main+xml",
        "ms-word.template.macroEnabledTemplate.main+xml",
    ],
)
def test_main_part_without_a_relation_is_known_by_its_type(tmp_path: Path, kind: str) -> None:
    with opened(tmp_path, {"[Content_Types].xml": types(**{"/d.xml": kind}), "d.xml": b"<x/>"}) as package:
        assert package.main_part("docx") == "d.xml"


def test_main_part_without_relation_or_type_is_known_by_its_name(tmp_path: Path) -> None:
    with opened(tmp_path, {"word\\document.xml": b"<x/>"}) as package:
        assert package.main_part("docx") == "word/document.xml"
        assert package.read("word/document.xml") == b"<x/>"


def test_package_without_a_main_part_is_broken(tmp_path: Path) -> None:
    parts = {"_rels/.rels": relations(officeDocument="word/document.xml"), "other.xml": b"<x/>"}
    with opened(tmp_path, parts) as package, pytest.raises(ParsingError, match=r"“word/document\.xml” can't be read"):
        package.main_part("docx")


def test_relations_that_lead_nowhere_cost_a_note(tmp_path: Path) -> None:
    rels = relations(styles="styles.xml", image="../NULL", header="/word/header1.xml", footer="%66ooter.xml")
    parts = {"word/_rels/document.xml.rels": rels, "word/styles.xml": b"<x/>", "word/footer.xml": b"<x/>"}
    with opened(tmp_path, parts | {"[Content_Types].xml": types()}) as package:
        assert package.related("word/document.xml", "styles", "footer") == ["word/styles.xml", "word/footer.xml"]
        assert package.target("word/document.xml", "image") == ""
        assert package.target("word/document.xml", "header") == ""
        assert package.target("word/document.xml", "missing") == ""
        assert package.notes.all() == [Note("parts", 2, ("null", "word/header1.xml"))]


def test_external_relation_is_an_address(tmp_path: Path) -> None:
    rels = relations(hyperlink="http://example.org/A?b#c").replace(b"Target=", b'TargetMode="External" Target=')
    with opened(tmp_path, {"word/_rels/document.xml.rels": rels}) as package:
        assert package.target("word/document.xml", "hyperlink") == "http://example.org/A?b#c"
        assert package.related("word/document.xml", "hyperlink") == []


def test_broken_part_costs_a_note(tmp_path: Path) -> None:
    parts = {"[Content_Types].xml": types(), "a.xml": b"<x>", "_rels/a.xml.rels": b"no XML"}
    with opened(tmp_path, parts) as package:
        assert package.root_or_note("a.xml") is None
        assert package.relations("a.xml") == {}
        assert package.notes.all() == [Note("parts", 2, ("a.xml", "_rels/a.xml.rels"))]


def test_strict_open_xml_has_the_names_of_transitional(tmp_path: Path) -> None:
    strict = "http://purl.oclc.org/ooxml"
    rels = (
        f'<Relationships><Relationship Id="a" Type="{strict}/officeDocument/relationships/officeDocument"'
        ' Target="d.xml"/></Relationships>'
    )
    part = f'<w:d xmlns:w="{strict}/wordprocessingml/main" xmlns:r=\'{strict}/officeDocument/relationships\' r:id="1"/>'
    with opened(tmp_path, {"_rels/.rels": rels.encode(), "d.xml": part.encode()}) as package:
        root = package.root(package.main_part("docx"))
        assert root.tag == "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}d"
        assert root.get(f"{{{RELATIONS}}}id") == "1"


@pytest.mark.parametrize(
    ("strict", "transitional"),
    [
        ("drawingml/chart", "drawingml/2006/chart"),
        ("officeDocument/math", "officeDocument/2006/math"),
        ("spreadsheetml/main", "spreadsheetml/2006/main"),
        ("officeDocument/extendedProperties", "officeDocument/2006/extended-properties"),
        ("officeDocument/relationships/image", "officeDocument/2006/relationships/image"),
    ],
)
def test_strict_names_are_renamed_in_attributes_alone(strict: str, transitional: str) -> None:
    address = f"http://purl.oclc.org/ooxml/{strict}"
    renamed = f'<a xmlns="http://schemas.openxmlformats.org/{transitional}">see {address}</a>'
    assert as_transitional(f'<a xmlns="{address}">see {address}</a>'.encode()) == renamed.encode()


def test_macros_are_noted(tmp_path: Path) -> None:
    with opened(tmp_path, {"[Content_Types].xml": types(), "word/vbaProject.bin": b""}) as package:
        assert package.notes.all() == [Note("macros")]


def test_core_properties_give_title_and_dates(tmp_path: Path) -> None:
    core = (
        '<p xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:t="http://purl.org/dc/terms/"><dc:title> The\nplan'
        "</dc:title><t:created>2020-01-02T03:04:05Z</t:created></p>"
    )
    with opened(tmp_path, {"docProps/core.xml": core.encode()}) as package:
        assert package.title() == "The plan"
        assert package.dates() == ["", "2020-01-02T03:04:05Z"]


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        ("vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml", "docx"),
        ("vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml", "docx"),
        ("vnd.ms-word.document.macroEnabled.main+xml", "docx"),
        ("vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml", "pptx"),
        ("vnd.openxmlformats-officedocument.presentationml.template.main+xml", "pptx"),
        ("vnd.ms-powerpoint.slideshow.macroEnabled.main+xml", "pptx"),
        ("vnd.ms-powerpoint.presentation.macroEnabled.main+xml", "pptx"),
        ("vnd.openxmlformats-officedocument.spreadsheetml.template.main+xml", "xlsx"),
        ("vnd.ms-excel.sheet.macroEnabled.main+xml", "xlsx"),
        ("vnd.ms-excel.template.macroEnabled.main+xml", "xlsx"),
        ("vnd.ms-excel.sheet.binary.macroEnabled.main", "xlsb"),
        ("vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml", "zip"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_kind_of_an_office_file_is_what_its_main_part_is_declared_to_be(
    tmp_path: Path, declared: str, kind: str, encoding: str
) -> None:
    part = f'<Override PartName="/x.xml" ContentType="application/{declared}"/>'
    (tmp_path / "a").write_bytes(files.archive(**{"[Content_Types].xml": TYPES.format(part).encode(encoding)}))
    assert kind_of_archive(tmp_path / "a", ending="docx") == kind


@pytest.mark.parametrize(
    ("name", "kind"), [("word/document.xml", "docx"), ("PPT\\presentation.xml", "pptx"), ("/xl/workbook.xml", "xlsx")]
)
def test_kind_of_an_undeclared_file_is_told_by_its_usual_part(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "a").write_bytes(files.archive(**{name: b"<x/>"}))
    assert kind_of_archive(tmp_path / "a", ending="docx") == kind
