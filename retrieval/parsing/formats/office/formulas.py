"""Formulas that several cells share: each shows its own references."""

from __future__ import annotations

import re

from retrieval.parsing.formats.plain.grids import COLUMNS_LIMIT, column_name

# A text in quotes and the name of a sheet in quotes hold no references; a name or function is no reference either.
_PART = re.compile(r"""("[^"]*"|'[^']*')|(?<![\w.$])(\$?)([A-Za-z]{1,3})(\$?)([1-9]\d{0,6})(?![\w.(!])""")


def shifted(formula: str, *, rows: int, columns: int) -> str:
    """Return the formula as it stands so many rows below and columns to the right: B2*C2 becomes B3*C3."""

    def moved(found: re.Match[str]) -> str:
        if found[1]:
            return found[1]
        number = 0
        for letter in found[3].upper():
            number = number * 26 + ord(letter) - 64
        if number > COLUMNS_LIMIT:
            return found[0]
        column = number - 1 if found[2] else (number - 1 + columns) % COLUMNS_LIMIT
        row = int(found[5]) if found[4] else max(1, int(found[5]) + rows)
        return f"{found[2]}{column_name(column)}{found[4]}{row}"

    return _PART.sub(moved, formula)
