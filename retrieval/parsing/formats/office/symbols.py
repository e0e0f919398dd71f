"""Characters of the fonts that hold symbols, which documents name by their place in the font.

Symbol as Unicode's public mapping of Adobe's encoding gives it (unicode.org/Public/MAPPINGS/VENDORS/ADOBE/symbol.txt);
Wingdings as Unicode took it in, but arrows and ticked boxes as the common characters that mean the same.
"""

from __future__ import annotations

import re

_PRIVATE = range(0xF000, 0xF100)  # where Word puts the characters of such fonts
_NONE = "\0"
_ICONS = re.compile("awesome|icon|material|glyph|emoji", re.IGNORECASE)


def _table(**rows: str) -> dict[int, str]:
    """Return the characters of a font by their places; each row begins at the place that names it in hexadecimal."""
    return {
        int(place[1:], 16) + at: character
        for place, row in rows.items()
        for at, character in enumerate(row)
        if character != _NONE
    }


_SYMBOL = _table(
    x20=" !∀#∃%&∋()*+,−./0123456789:;<=>?",
    x40="≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_",
    x60="‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
    xA0="€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵",
    xC0="ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓",
    xE0="◊⟨®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪",
    xF1="⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭",
)
_WINGDINGS = _table(
    x20=" 🖉✂✁👓🕭🕮🕯🕿✆🖂🖃📪📫📬📭",
    x30="📁📂📄🗏🗐🗄⌛🖮🖰🖲🖳🖴🖫🖬✇✍",
    x40="🖎✌👌👍👎☜☞☝☟🖐☺😐☹💣☠🏳",
    x50="🏱✈☼💧❄🕆✞🕈✠✡☪☯ॐ☸♈♉",
    x60="♊♋♌♍♎♏♐♑♒♓🙰🙵●🔾■□",
    x70="🞐❑❒⬧⧫◆❖⬥⌧⮹⌘🏵🏶🙶🙷",
    x80="⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹",
    x90="❺❻❼❽❾❿🙢🙠🙡🙣🙞🙜🙝🙟·•",
    xA0="⬝⭘🞆🞈◉◎🔿▪☐🟂✦★✶✴✹✵",
    xB0="⯐⌖⟡⌑⯑✪✰🕐🕑🕒🕓🕔🕕🕖🕗🕘",
    xC0="🕙🕚🕛⮰⮱⮲⮳⮴⮵⮶⮷🙪🙫🙕🙔🙗",
    xD0="🙖🙐🙑🙒🙓⌫⌦⮘⮚⮙⮛⮈⮊⮉⮋←",
    xE0="→↑↓↖↗↙↘←→↑↓↖↗↙↘⇦",
    xF0="⇨⇧⇩⬄⇳⬀⬁⬃⬂▭▫✘✔☒☑",
)
_WINGDINGS_2 = _table(
    x20=" ",
    x4F="✗✓☒☑☒☒⊘⊘",
    x69="⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿",
    x95="·•●⚫",
    xA0="■□",
    xA3="☐",
)
_WINGDINGS_3 = _table(x20=" ", x21="←→↑↓↖↗↙↘", x66="←→↑↓↖↗↙↘↔↕", x70="▲▼△▽◀▶◁▷◣◢◤◥◂▸▴")
_WEBDINGS = _table(x20=" ", x33="◀▶▲▼", x61="✔", x63="☐", x67="■", x6E="●", x72="✖")
_FONTS = {
    "symbol": _SYMBOL,
    "wingdings": _WINGDINGS,
    "wingdings 2": _WINGDINGS_2,
    "wingdings 3": _WINGDINGS_3,
    "webdings": _WEBDINGS,
}


def is_symbol_font(font: str) -> bool:
    """Return whether the font shows symbols in place of letters."""
    return font.strip().lower() in _FONTS


def symbol(font: str, code: int) -> str | None:
    """Return the character that a font shows at a place, given as it is or in the private area of Unicode. The place in
    any other font is the character itself. None when it isn't known."""
    table = _FONTS.get(font.strip().lower())
    if table is not None:
        return table.get(code - _PRIVATE.start if code in _PRIVATE else code)
    if code in _PRIVATE or not 0x20 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return None
    return chr(code)


def in_symbols(text: str, font: str) -> tuple[str, list[str]]:
    """Return a text in this font as what is seen, and what of it isn't known. Characters of the private area in a font
    of letters are shown in Symbol; those of a font of icons can't be known."""
    if not is_symbol_font(font) and not any(ord(character) in _PRIVATE for character in text):
        return text, []
    seen, unknown = [], []
    for character in text:
        code = ord(character)
        private = code in _PRIVATE
        if not private and not (is_symbol_font(font) and 0x20 <= code <= 0xFF):
            seen.append(character)
            continue
        found = None if _ICONS.search(font) else symbol(font if is_symbol_font(font) else "Symbol", code)
        if found is None:
            unknown.append(f"{font or 'Symbol'} {code & 0xFF:02X}")
        else:
            seen.append(found)
    return "".join(seen), unknown
