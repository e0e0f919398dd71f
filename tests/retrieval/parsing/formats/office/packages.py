"""Workbooks and presentations of raw parts, as other writers than Excel and PowerPoint make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.retrieval import files

TYPES = "application/vnd.openxmlformats-officedocument"
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SPACES = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    ' xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    ' xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
    ' xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    f' xmlns:r="{RELATIONSHIPS}"'
)


def relations(**targets: str) -> bytes:
    """`id=kind target` for each."""
    links = "".join(
        f'<Relationship Id="{name}" Type="{RELATIONSHIPS}/{link.split()[0]}" Target="{link.split()[1]}"/>'
        for name, link in targets.items()
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{links}</Relationships>'.encode()


def content_types(main: str, kind: str) -> bytes:
    return (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{main}" ContentType="{TYPES}.{kind}.main+xml"/></Types>'
    ).encode()


def workbook(
    *sheets: str, codes: Sequence[str] = (), links: str = "", properties: str = "", **parts: bytes | str
) -> bytes:
    """A workbook of these sheets' contents: cells alone, or what stands in <worksheet>. Style n has the n-th code;
    `links` are more relations of the first sheet ("comments ../c.xml"), `parts` more parts, by name."""
    names = [f"S{number}" for number in range(1, len(sheets) + 1)]
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(names, start=1))
    formats = "".join(f'<numFmt numFmtId="{200 + n}" formatCode="{code}"/>' for n, code in enumerate(codes))
    styles = "".join(f'<xf numFmtId="{200 + n}"/>' for n in range(len(codes)))
    made: dict[str, bytes | str] = {
        "[Content_Types].xml": content_types("xl/workbook.xml", "spreadsheetml.sheet"),
        "_rels/.rels": relations(r1="officeDocument xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{SPREADSHEET}" xmlns:r="{RELATIONSHIPS}">{properties}'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            styles="styles styles.xml", **{f"r{n}": f"worksheet sheets/s{n}.xml" for n in range(1, len(sheets) + 1)}
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{SPREADSHEET}"><numFmts>{formats}</numFmts><cellXfs>{styles}</cellXfs>'
        "</styleSheet>",
    }
    for number, content in enumerate(sheets, start=1):
        content = content if "<sheetData" in content else f"<sheetData>{content}</sheetData>"
        made[f"xl/sheets/s{number}.xml"] = (
            f'<worksheet xmlns="{SPREADSHEET}" xmlns:r="{RELATIONSHIPS}">{content}</worksheet>'
        )
    if links:
        made["xl/sheets/_rels/s1.xml.rels"] = relations(**dict(zip("xyz", links.split(", "), strict=False)))
    return files.archive(
        **{name: part.encode() if isinstance(part, str) else part for name, part in (made | parts).items()}
    )


def rows(*lines: Sequence[object]) -> str:
    """Cells with these texts and numbers, without addresses; None is an empty one."""
    return "".join(f"<row>{''.join(map(_cell, line))}</row>" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def presentation(*slides: str, links: Mapping[int, Mapping[str, str]] = {}, **parts: bytes | str) -> bytes:
    """A presentation of these slides' shapes; `links` gives more relations of a slide, by its number."""
    listed = "".join(f'<p:sldId id="{256 + n}" r:id="r{n}"/>' for n in range(1, len(slides) + 1))
    made: dict[str, bytes | str] = {
        "[Content_Types].xml": content_types("ppt/presentation.xml", "presentationml.presentation"),
        "_rels/.rels": relations(r1="officeDocument ppt/presentation.xml"),
        "ppt/presentation.xml": f"<p:presentation {SPACES}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            **{f"r{n}": f"slide slides/s{n}.xml" for n in range(1, len(slides) + 1)}
        ),
    }
    for number, shapes in enumerate(slides, start=1):
        made[f"ppt/slides/s{number}.xml"] = tree(shapes, "sld")
        made[f"ppt/slides/_rels/s{number}.xml.rels"] = relations(**links.get(number, {}))
    return files.archive(
        **{name: part.encode() if isinstance(part, str) else part for name, part in (made | parts).items()}
    )


def tree(shapes: str, kind: str) -> str:
    return f"<p:{kind} {SPACES}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:{kind}>"


def box(*paragraphs: str, place: str = "") -> str:
    """A shape with these paragraphs, or their XML; `place` is the attributes of a placeholder."""
    lines = "".join(
        f"<a:p>{line}</a:p>" if line.startswith("<") else f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>"
        for line in paragraphs
    )
    filled = f"<p:ph {place}/>" if place else ""
    named = f"<p:nvSpPr><p:cNvPr id='2' name='x'/><p:nvPr>{filled}</p:nvPr></p:nvSpPr>"
    return f"<p:sp>{named}<p:txBody>{lines}</p:txBody></p:sp>"
