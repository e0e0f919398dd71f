"""Forms: what is filled in, ticked and chosen, each with its label."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.parsing.formats.pdf.beside.objects import Box
from retrieval.parsing.formats.pdf.beside.strings import read_string
from retrieval.parsing.formats.pdf.beside.surroundings import Surroundings

_OPTIONS_LIMIT = 1_000
_LONGEST_LABEL = 200
_PAINTED_LONGEST = 200  # what a field paints in place of its value: an amount with its currency
_STATES = re.compile(
    r"(?:yes|on|off|no|true|false|ja|oui|si|sí|x|checked|selected|choice|option|value)?[ _-]?\d*", re.I
)
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class FormField:
    """A field as it stands on a page. `kind` is one of pdfium's FPDF_FORMFIELD_...; `name` as the form calls it,
    `label` as it is told to readers, if it is; `value` what is filled in or chosen; `export` what a tick stands for."""

    kind: int
    name: str
    label: str
    value: str
    export: str
    is_ticked: bool
    box: Box


def read_field(annotation: Any, *, form: Any, box: Box) -> FormField | None:
    """Return the field that the annotation shows; None when it is none, a button to be pressed, or a password."""
    from pypdfium2 import raw

    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in (-1, raw.FPDF_FORMFIELD_UNKNOWN, raw.FPDF_FORMFIELD_PUSHBUTTON):
        return None
    flags = raw.FPDFAnnot_GetFormFieldFlags(form, annotation)
    if kind == raw.FPDF_FORMFIELD_TEXTFIELD and flags & raw.FPDF_FORMFLAG_TEXT_PASSWORD:
        return None
    ticked = kind in _ticks()
    return FormField(
        kind=kind,
        name=read_string(raw.FPDFAnnot_GetFormFieldName, form, annotation),
        label=" ".join(read_string(raw.FPDFAnnot_GetFormFieldAlternateName, form, annotation).split())[:_LONGEST_LABEL],
        value="" if ticked else _value(annotation, form, kind),
        export=read_string(raw.FPDFAnnot_GetFormFieldExportValue, form, annotation) if ticked else "",
        is_ticked=ticked and _is_ticked(annotation, form),
        box=box,
    )


def field_lines(fields: Sequence[FormField], *, painted: Sequence[str], around: Surroundings) -> list[str]:
    """Return a line for each field with something in it, and each tick of a form that is filled in. `painted` is what
    each paints itself."""
    ticks: dict[tuple[int, str], list[FormField]] = {}
    for field in fields:
        if field.kind in _ticks():
            ticks.setdefault((field.kind, field.name), []).append(field)
    values = [_shown(field, text, around) for field, text in zip(fields, painted, strict=True)]
    is_filled = any(values) or any(field.is_ticked for field in fields)
    lines: dict[str, None] = {}
    for field, value in zip(fields, values, strict=True):
        if group := ticks.pop((field.kind, field.name), None):
            lines |= dict.fromkeys(_tick_lines(group, around) if is_filled else [])
        elif value:
            lines[f"{field.label or around.label(field.box) or _plain_name(field.name)}: {value}".lstrip(": ")] = None
    return [*lines]


def _ticks() -> tuple[int, int]:
    from pypdfium2 import raw

    return (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON)


def _is_ticked(annotation: Any, form: Any) -> bool:
    """Return whether it shows a tick, which may differ from what the form takes for ticked."""
    from pypdfium2 import raw

    state = read_string(raw.FPDFAnnot_GetStringValue, annotation, b"AS")
    return state != "Off" if state else bool(raw.FPDFAnnot_IsChecked(form, annotation))


# ---- values ----------------------------------------------------------------------------------------------------------


def _value(annotation: Any, form: Any, kind: int) -> str:
    from pypdfium2 import raw

    value = read_string(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
    if kind not in (raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX):
        return value
    count = min(raw.FPDFAnnot_GetOptionCount(form, annotation), _OPTIONS_LIMIT)
    chosen = [
        read_string(raw.FPDFAnnot_GetOptionLabel, form, annotation, index)
        for index in range(count)
        if raw.FPDFAnnot_IsOptionSelected(form, annotation, index)
    ]
    return ", ".join(filter(None, chosen)) or value


def _shown(field: FormField, painted: str, around: Surroundings) -> str:
    """Return the field's value, and what it paints where that says it otherwise; empty where the page says it."""
    from pypdfium2 import raw

    if field.kind in _ticks():
        return ""
    value = field.value
    if field.kind != raw.FPDF_FORMFIELD_LISTBOX and painted and len(painted) <= _PAINTED_LONGEST:
        said, seen = _squashed(value), _squashed(painted)
        if said in seen and said != seen:  # 1 as 1.00, or an amount with its currency
            value = painted
        elif seen and seen not in said and said not in seen:
            value = f"{value} ({painted})"
    return "" if value and _squashed(value) in _squashed(around.within(field.box)) else value


def _squashed(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _plain_name(name: str) -> str:
    """Return the last part of a full name: form1[0].page[0].Name[0] is Name."""
    return _INDEX.sub("", name.rpartition(".")[2]).strip() or name


# ---- ticks -----------------------------------------------------------------------------------------------------------


def _tick_lines(group: Sequence[FormField], around: Surroundings) -> Iterator[str]:
    """Yield the line of a box, or of several that belong together: those that are ticked, and of boxes the others."""
    from pypdfium2 import raw

    first = group[0]
    if first.kind == raw.FPDF_FORMFIELD_CHECKBOX and len({field.export for field in group}) == 1:
        label = first.label or around.label_of_tick(first.box) or _plain_name(first.name)
        yield f"{label}: {_state(any(field.is_ticked for field in group), first.export)}"
        return
    labels = {field.label for field in group}
    label = first.label if len(labels) == 1 else ""
    label = label or around.label_of_choice(first.box) or _plain_name(first.name)
    choices = [
        f"{'☒' if field.is_ticked else '☐'} {_choice(field, around, own_label=len(labels) > 1)}"
        for field in group
        if field.is_ticked or first.kind == raw.FPDF_FORMFIELD_CHECKBOX
    ]
    if choices:
        yield f"{label}: {', '.join(choices)}"


def _state(is_ticked: bool, export: str) -> str:
    if not is_ticked:
        return "☐ no"
    return "☒ yes" if _STATES.fullmatch(export) else f"☒ {export}"


def _choice(field: FormField, around: Surroundings, *, own_label: bool) -> str:
    """Return what a button or box of several stands for: what it exports if that is a word, and the words beside it."""
    beside = (field.label if own_label else "") or around.label_of_tick(field.box)
    if not beside or _STATES.fullmatch(field.export):
        return beside or field.export or "yes"
    if _squashed(field.export) in _squashed(beside) or _squashed(beside) in _squashed(field.export):
        return field.export if len(field.export) >= len(beside) else beside
    return f"{field.export} ({beside})"
