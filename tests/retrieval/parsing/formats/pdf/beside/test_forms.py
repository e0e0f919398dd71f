from pathlib import Path

import pytest

from tests.retrieval.parsing.formats.pdf.beside.raw import kinds, line, raw_pdf, read, stream

WIDGET = "/Subtype /Widget /DA (/F1 12 Tf 0 g)"
PAGE = line("Application") + line("Name of the ship:", y=765) + line("Tanker:", y=735)


def text_of(folder: Path, *annotations: str, page: str = PAGE, **parts: object) -> list[str]:
    extracted = read(folder, raw_pdf(page, annotations=annotations, **parts))  # type: ignore[arg-type]
    return extracted.text.strip().split("\n\n")[-1].split("\n")


@pytest.mark.parametrize(
    ("field", "lines"),
    [
        ("/FT /Tx /T (ship) /V (Sea Otter)", ["Name of the ship: Sea Otter"]),
        ("/FT /Tx /T (ship) /TU (Ship's name) /V (Sea Otter)", ["Ship's name: Sea Otter"]),
        ("/FT /Tx /T (ship) /V <FEFF00C40078>", ["Name of the ship: Äx"]),
        ("/FT /Tx /Ff 16777216 /MaxLen 9 /T (ship) /V (A1234)", ["Name of the ship: A1234"]),
        ("/FT /Tx /Ff 4096 /T (ship) /V (Sea Otter\\nYard 4)", ["Name of the ship: Sea Otter", "Yard 4"]),
        ("/FT /Ch /Ff 131072 /T (ship) /Opt [(a) (b)] /V (b)", ["Name of the ship: b"]),
        ("/FT /Ch /Ff 131072 /T (ship) /Opt [[(n) (North)] [(s) (South)]] /V (s)", ["Name of the ship: South"]),
        ("/FT /Ch /Ff 393216 /T (ship) /Opt [(a)] /V (own words)", ["Name of the ship: own words"]),
        ("/FT /Ch /Ff 2097152 /T (ship) /Opt [(a) (b) (c)] /V [(a) (c)]", ["Name of the ship: a, c"]),
    ],
)
def test_value_stands_with_its_label(tmp_path: Path, field: str, lines: list[str]) -> None:
    assert text_of(tmp_path, f"{WIDGET} /Rect [200 760 400 780] {field}") == lines


def test_name_is_the_label_where_nothing_stands_beside(tmp_path: Path) -> None:
    field = f"{WIDGET} /Rect [200 100 400 120] /FT /Tx /T (form1[0].page[0].Depth[0]) /V (4 m)"
    assert text_of(tmp_path, field) == ["Depth: 4 m"]


def test_label_may_stand_above(tmp_path: Path) -> None:
    field = f"{WIDGET} /Rect [45 740 300 760] /FT /Tx /T (x) /V (Sea Otter)"
    assert text_of(tmp_path, field, page=line("Ship", y=763)) == ["Ship: Sea Otter"]


def test_label_belongs_to_the_nearest_field_of_the_row(tmp_path: Path) -> None:
    first = f"{WIDGET} /Rect [100 760 200 780] /FT /Tx /T (a) /V (Otter)"
    second = f"{WIDGET} /Rect [300 760 400 780] /FT /Tx /T (b) /V (Hull)"
    page = line("Ship:", y=765) + line("Home:", x=260, y=765)
    assert text_of(tmp_path, first, second, page=page) == ["Ship: Otter", "Home: Hull"]


def test_value_of_a_parent_is_read(tmp_path: Path) -> None:
    parent = "<< /FT /Tx /T (ship) /V (Sea Otter) /Kids [101 0 R] >>"
    widget = f"{WIDGET} /Rect [200 760 400 780] /Up 200 0 R"
    lines = text_of(tmp_path, widget, objects={200: parent}, catalog="/AcroForm << /Fields [200 0 R] >>")
    assert lines == ["Name of the ship: Sea Otter"]


def test_value_that_the_page_says_already_is_not_said_twice(tmp_path: Path) -> None:
    field = f"{WIDGET} /Rect [200 760 400 780] /FT /Tx /T (ship) /V (Sea Otter)"
    assert read(tmp_path, raw_pdf(PAGE + line("Sea Otter", x=205, y=765), annotations=[field])).text.count("Otter") == 1


def test_what_a_field_paints_stands_beside_its_value(tmp_path: Path) -> None:
    paint = stream(
        "BT /F1 12 Tf 2 4 Td (1.234,50 EUR) Tj ET", entries="/Type /XObject /Subtype /Form /BBox [0 0 200 20]"
    )
    field = f"{WIDGET} /Rect [200 760 400 780] /FT /Tx /T (ship) /V (1234.5) /AP << /N 200 0 R >>"
    assert text_of(tmp_path, field, objects={200: paint}) == ["Name of the ship: 1.234,50 EUR"]


@pytest.mark.parametrize(
    ("states", "line_read"),
    [
        ("/V /Yes /AS /Yes", "Tanker: ☒ yes"),
        ("/V /Off /AS /Off", "Tanker: ☐ no"),
        ("/V /Diesel /AS /Diesel", "Tanker: ☒ Diesel"),
        ("/V /1 /AS /1", "Tanker: ☒ yes"),
    ],
)
def test_tick_is_read(tmp_path: Path, states: str, line_read: str) -> None:
    on = states.split()[1] if "Off" not in states else "/Yes"
    tick = (
        f"{WIDGET} /Rect [200 730 215 745] /FT /Btn /T (tanker) {states} /AP << /N << {on} 200 0 R /Off 200 0 R >> >>"
    )
    name = f"{WIDGET} /Rect [200 760 400 780] /FT /Tx /T (ship) /V (Otter)"
    empty = stream("", entries="/Type /XObject /Subtype /Form /BBox [0 0 15 15]")
    assert text_of(tmp_path, name, tick, objects={200: empty}) == ["Name of the ship: Otter", line_read]


def test_empty_form_adds_nothing(tmp_path: Path) -> None:
    tick = f"{WIDGET} /Rect [200 730 215 745] /FT /Btn /T (tanker) /AS /Off"
    name = f"{WIDGET} /Rect [200 760 400 780] /FT /Tx /T (ship) /V ()"
    assert read(tmp_path, raw_pdf(PAGE, annotations=[name, tick])).text.strip().endswith("Tanker:")


def radio(states: list[str], *, chosen: str, labels: bool = False) -> tuple[list[str], dict[int, bytes | str]]:
    widgets = [
        f"{WIDGET} /Rect [{100 + 100 * at} 700 115 715] /Up 200 0 R /AS /{state if state == chosen else 'Off'}"
        f" {f'/TU (the {state})' if labels else ''} /AP << /N << /{state} 201 0 R /Off 201 0 R >> >>"
        for at, state in enumerate(states)
    ]
    widgets = [text.replace(" 115 715", f" {115 + 100 * at} 715") for at, text in enumerate(widgets)]
    refs = " ".join(f"{101 + at} 0 R" for at in range(len(states)))
    parent = f"<< /FT /Btn /Ff 49152 /T (quay) /V /{chosen} /Kids [{refs}] >>"
    empty = stream("", entries="/Type /XObject /Subtype /Form /BBox [0 0 15 15]")
    return widgets, {200: parent, 201: empty}


@pytest.mark.parametrize(
    ("states", "chosen", "page", "line_read"),
    [
        (["North", "South"], "South", line("Application"), "quay: ☒ South"),
        (
            ["1", "2"],
            "2",
            line("Quay wanted:", x=20, y=703) + line("East", x=120, y=703) + line("West", x=220, y=703),
            "Quay wanted: ☒ West",
        ),
        (["1", "2"], "2", line("East", x=120, y=703) + line("West", x=220, y=703), "quay: ☒ West"),
        (["nq", "sq"], "sq", line("East", x=120, y=703) + line("West", x=220, y=703), "quay: ☒ sq (West)"),
    ],
)
def test_chosen_button_is_read(tmp_path: Path, states: list[str], chosen: str, page: str, line_read: str) -> None:
    widgets, objects = radio(states, chosen=chosen)
    lines = text_of(tmp_path, *widgets, objects=objects, catalog="/AcroForm << /Fields [200 0 R] >>", page=page)
    assert lines == [line_read]


def test_password_and_button_are_left_out(tmp_path: Path) -> None:
    secret = f"{WIDGET} /Rect [200 760 400 780] /FT /Tx /Ff 8192 /T (code) /V (sesame)"
    button = f"{WIDGET} /Rect [200 730 400 750] /FT /Btn /Ff 65536 /T (send) /MK << /CA (Send) >>"
    assert "sesame" not in read(tmp_path, raw_pdf(PAGE, annotations=[secret, button])).text


@pytest.mark.parametrize("flags", [2, 32])
def test_hidden_field_is_left_out_and_noted(tmp_path: Path, flags: int) -> None:
    field = f"{WIDGET} /F {flags} /Rect [200 760 400 780] /FT /Tx /T (ship) /V (Sea Otter)"
    extracted = read(tmp_path, raw_pdf(PAGE, annotations=[field]))
    assert ("Otter" in extracted.text, kinds(extracted.notes)) == (False, {"hidden_text": 1})


def test_field_without_a_form_says_what_it_paints(tmp_path: Path) -> None:
    paint = stream("BT /F1 12 Tf 2 4 Td (Sea Otter) Tj ET", entries="/Type /XObject /Subtype /Form /BBox [0 0 200 20]")
    field = f"{WIDGET} /Rect [200 760 400 780] /T (ship) /AP << /N 200 0 R >>"
    assert text_of(tmp_path, field, objects={200: paint}) == ["Sea Otter"]


def test_form_of_a_page_without_text_is_read(tmp_path: Path) -> None:
    field = f"{WIDGET} /Rect [200 760 400 780] /FT /Tx /T (ship) /V (Sea Otter)"
    assert read(tmp_path, raw_pdf("", annotations=[field])).text.strip() == "ship: Sea Otter"


def test_values_of_an_xfa_form_are_read_and_noted(tmp_path: Path) -> None:
    data = (
        '<xfa:datasets xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/"><xfa:data><f>'
        "<Ship>Sea Otter</Ship><Empty/></f></xfa:data></xfa:datasets>"
    )
    template = '<template xmlns="http://www.xfa.org/schema/xfa-template/3.0/"/>'
    form = "/NeedsRendering true /AcroForm << /Fields [] /XFA [(template) 201 0 R (datasets) 200 0 R] >>"
    extracted = read(
        tmp_path,
        raw_pdf(line("Please wait..."), catalog=form, objects={200: stream(data), 201: stream(template)}),
    )
    assert (extracted.text.strip(), kinds(extracted.notes)) == ("Please wait...\n\nShip: Sea Otter", {"forms": 1})
