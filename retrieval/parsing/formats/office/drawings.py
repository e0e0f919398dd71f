"""DrawingML, which slides and sheets share: text of shapes, diagrams (SmartArt) and charts (ECMA-376-1, 20.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import Blocks
from retrieval.parsing.formats.numbers import whole
from retrieval.parsing.formats.office.charts import write_chart
from retrieval.parsing.formats.office.embedded import fill_from_workbook, lacks_figures
from retrieval.parsing.formats.office.equations import M, as_latex
from retrieval.parsing.formats.office.package import OfficePackage
from retrieval.parsing.formats.plain.scripts import LOWERED, RAISED, in_line

if TYPE_CHECKING:
    from lxml.etree import _Element

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
CHOICE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Choice"
RELATIONS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DEPTH = 20  # of boxes in a diagram that are indented


def paragraph_text(paragraph: _Element) -> str:
    """Return the text of a paragraph; line breaks are \\n, and equations are LaTeX, as in Word."""
    from lxml.etree import iterwalk

    runs: list[tuple[str, str]] = []
    walk = iterwalk(paragraph, events=("start",))
    for _event, element in walk:
        if element.tag == FALLBACK:
            walk.skip_subtree()
        elif element.tag == M + "oMath":
            walk.skip_subtree()
            runs.append((_equation(element, begins=not runs or runs[-1][0].endswith("\n")), ""))
        elif element.tag in (A + "t", M + "t"):
            runs.append((element.text or "", _script(element)))
        elif element.tag == A + "br":
            runs.append(("\n", ""))
        elif element.tag == A + "tab":
            runs.append(("\t", ""))
    return in_line(runs).strip("\n").replace("\v", "\n")


def _equation(element: _Element, *, begins: bool) -> str:
    """Return an equation as LaTeX; one that is displayed has a line of its own, which `begins` here or not yet."""
    latex = as_latex(element)
    above = element.getparent()
    if above is None or above.tag != M + "oMathPara" or not latex:
        return f"${latex}$" if latex else ""
    return ("" if begins else "\n") + f"$${latex}$$\n"


def _script(element: _Element) -> str:
    run = element.getparent()
    properties = run.find(A + "rPr") if run is not None else None
    baseline = properties.get("baseline") or "0" if properties is not None else "0"
    return "" if baseline.strip("0%") == "" else LOWERED if baseline.startswith("-") else RAISED


def written_on(element: _Element) -> str:
    """Return the text of a shape or cell as one, its paragraphs on lines of their own."""
    lines = (paragraph_text(paragraph) for paragraph in element.iter(A + "p"))
    return "\n".join(line for line in lines if line.strip())


def write_linked_chart(blocks: Blocks, package: OfficePackage, part: str, target: str, *, figures: bool = True) -> None:
    """Append the chart in the part that a relation of `part` leads to; one without anything to read is noted, and one
    that lacks figures which are to be read."""
    name = package.target(part, target)
    root = package.root_or_note(name) if name else None
    if root is None:
        return
    if figures:
        fill_from_workbook(package, name, root)
    if not write_chart(blocks, root, figures=figures) or (figures and lacks_figures(root)):
        blocks.notes.add("parts", name)


def write_diagram(blocks: Blocks, package: OfficePackage, part: str, target: str | None) -> None:
    """Append the boxes of a diagram as a list, those below others indented."""
    name = package.target(part, target)
    root = package.root_or_note(name) if name else None
    for number, (depth, text) in enumerate(_boxes(root) if root is not None else ()):
        blocks.add(f"{'  ' * depth}- {text}", close=number > 0)


def write_sheet_drawing(blocks: Blocks, package: OfficePackage, part: str) -> None:
    """Append what is written on the shapes, diagrams and charts that lie on a sheet."""
    root = package.root_or_note(part)
    for element in _shown(root) if root is not None else ():
        name = str(element.tag).rpartition("}")[2]
        if name == "txBody":
            blocks.add(written_on(element))
        elif name == "chart" and element.get(RELATIONS + "id"):
            write_linked_chart(blocks, package, part, element.get(RELATIONS + "id"), figures=False)
        elif element.tag == DIAGRAM + "relIds":
            write_diagram(blocks, package, part, element.get(RELATIONS + "dm"))
        elif name == "pic":
            blocks.notes.add("pictures")


def _shown(root: _Element) -> Iterator[_Element]:
    """Yield the elements without second versions for older programs, where there is a newer one."""
    from lxml.etree import iterwalk

    walk = iterwalk(root, events=("start",))
    for _event, element in walk:
        if element.tag == FALLBACK and element.getparent().find(CHOICE) is not None:
            walk.skip_subtree()
        else:
            yield element


def _boxes(root: _Element) -> Iterator[tuple[int, str]]:
    """Yield how deep each box of the diagram lies, and what is written on it: in the order of its connections, then
    what they don't reach."""
    texts = {}
    for point in root.iterfind(f"{DIAGRAM}ptLst/{DIAGRAM}pt"):
        if (point.get("type") or "node") in ("node", "asst", "doc"):
            body = point.find(DIAGRAM + "t")
            texts[point.get("modelId") or ""] = " ".join(written_on(body).split()) if body is not None else ""
    below: dict[str, list[tuple[int, str]]] = {}
    for link in root.iterfind(f"{DIAGRAM}cxnLst/{DIAGRAM}cxn"):
        if (link.get("type") or "parOf") == "parOf" and link.get("destId") in texts:
            order = whole(link.get("srcOrd")) or 0
            below.setdefault(link.get("srcId") or "", []).append((order, link.get("destId") or ""))
    children = {box for links in below.values() for _order, box in links}
    first = [box for box in texts if box not in children]
    circling = [box for box in texts if box in children]  # reached from the first, unless they point at each other
    waiting = [(0, box) for box in reversed(first + circling)]
    seen: set[str] = set()
    while waiting:
        depth, box = waiting.pop()
        if box in seen or box not in texts:
            continue
        seen.add(box)
        if texts[box]:
            yield depth, texts[box]
        inner = min(depth + 1, _DEPTH) if texts[box] else depth
        waiting += [(inner, child) for _order, child in sorted(below.get(box, ()), reverse=True)]
