"""Pairs written by rule: tables, manuals with codes, and code, each asked rightly and with one thing exchanged."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from training.pairs import Pair

_THINGS = (
    "pump,valve,filter,boiler,printer,scanner,router,sensor,motor,battery,gearbox,compressor,heater,fan,lamp,switch,"
    "camera,drill,mixer,oven,fridge,tractor,trailer,projector,keyboard,monitor,server,antenna,relay,turbine"
).split(",")
_COLUMNS = {
    "price": lambda chance: f"{chance.randint(3, 900)} EUR",
    "weight": lambda chance: f"{chance.randint(1, 90)}.{chance.randint(0, 9)} kg",
    "supplier": lambda chance: chance.choice("Novak,Brandt,Okafor,Lindqvist,Moreau,Sato,Hughes,Petrov".split(",")),
    "warranty": lambda chance: f"{chance.randint(1, 10)} years",
    "voltage": lambda chance: f"{chance.choice((5, 12, 24, 48, 110, 230, 400))} V",
    "stock": lambda chance: str(chance.randint(0, 500)),
    "delivery time": lambda chance: f"{chance.randint(2, 30)} days",
    "service interval": lambda chance: f"{chance.randint(1, 24)} months",
    "maximum temperature": lambda chance: f"{chance.randint(30, 180)} °C",
    "order number": lambda chance: _code(chance),
}
_CAUSES = (
    "The {thing} gets no power|The door of the {thing} is open|The {thing} is too hot|The {thing} does not answer|"
    "The firmware of the {thing} is out of date|The cable to the {thing} is damaged|The {thing} is blocked|"
    "The filter in front of the {thing} is full|The {thing} was switched off while it worked|No {thing} was found"
).split("|")
_REMEDIES = (
    "Check the fuse and switch it on again|Close the door until it clicks|Let it cool for ten minutes|"
    "Restart it and wait until the green light shows|Install the newest firmware|Replace the cable|"
    "Remove what blocks it, then press Reset|Clean or replace the filter|Run the self-test from the service menu|"
    "Call customer service and name this code"
).split("|")
_CODE_QUESTIONS = (
    "What does {code} mean?|what to do about {code}|How do I fix error {code}?|Why does the display show {code}?|"
    "error {code}|The machine stopped with {code}. What now?|Explain the message {code}."
).split("|")
_CELL_QUESTIONS = (
    "What is the {column} of the {row}?|{column} {row}|Which {column} does the {row} have?|"
    "How much is the {column} of the {row}?|What {column} is given for the {row}?|Tell me the {column} for {row}."
).split("|")


def _code(chance: random.Random) -> str:
    letters = "".join(chance.choice("ABCDEFGHKLMNPRSTVWX") for _ in range(chance.randint(1, 3)))
    return f"{letters}{chance.choice(('', '-'))}{chance.randint(10, 9999)}"


def _names(chance: random.Random, count: int) -> list[str]:
    return [f"{thing} {_code(chance)}" for thing in chance.sample(_THINGS, count)]


def tables(chance: random.Random, count: int) -> Iterator[Pair]:
    """Yield pairs about a table: of a cell that it has, a row that it hasn't, and a column that it hasn't."""
    for _ in range(count):
        *rows, absent = _names(chance, chance.randint(4, 9))
        *columns, missing = chance.sample(sorted(_COLUMNS), chance.randint(3, 5))
        cells = {(row, column): _COLUMNS[column](chance) for row in rows for column in columns}
        text = " | ".join(["item", *columns]).join(("| ", " |")) + "\n" + "|---" * (len(columns) + 1) + "|\n"
        row, column = chance.choice(rows), chance.choice(columns)
        span = None
        for name in rows:
            text += f"| {name} "
            for heading in columns:
                if (name, heading) == (row, column):
                    span = (len(text) + 2, len(text) + 2 + len(cells[name, heading]))
                text += f"| {cells[name, heading]} "
            text += "|\n"
        asked = chance.choice(_CELL_QUESTIONS)
        right = Pair(asked.format(column=column, row=row), text, answers=True, span=span)
        yield right
        wrong = asked.format(column=column, row=absent), asked.format(column=missing, row=row)
        yield replace(right, question=chance.choice(wrong), answers=False, span=None)


def manuals(chance: random.Random, count: int) -> Iterator[Pair]:
    """Yield pairs about a list of codes in several layouts: of a code that it has, and of one that it hasn't."""
    for _ in range(count):
        codes = list(dict.fromkeys(_code(chance) for _ in range(chance.randint(2, 7))))
        layout = chance.choice(
            ("{code}: {cause}. {remedy}.\n", "Error {code}. {cause}. {remedy}. ", "| {code} | {cause} | {remedy} |\n")
        )
        text, places = "", {}
        for code in codes:
            cause = chance.choice(_CAUSES).format(thing=chance.choice(_THINGS))
            entry = layout.format(code=code, cause=cause, remedy=chance.choice(_REMEDIES))
            at = len(text) + entry.index(cause)
            places[code] = at, len(text) + len(entry.rstrip(" |\n"))
            text += entry
        asked, code = chance.choice(_CODE_QUESTIONS), chance.choice(codes)
        yield Pair(asked.format(code=code), text, answers=True, span=places[code])
        yield Pair(asked.format(code=_near(code, codes, chance)), text, answers=False)


def _near(code: str, codes: Sequence[str], chance: random.Random) -> str:
    """Return a code of the same shape that isn't among these."""
    while True:
        other = re.sub(r"\d", lambda _: str(chance.randint(0, 9)), code)
        if other not in codes:
            return other


def functions(folder: Path, chance: random.Random) -> Iterator[Pair]:
    """Yield pairs about the functions of Python files: what the first sentence of a docstring says, with the function
    itself, without that sentence, and with another function of the same file."""
    for path in sorted(folder.rglob("*.py")):
        source = path.read_text(encoding="utf-8", errors="replace")
        found = [_described(node, source) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
        described = [function for function in found if function]
        if len(described) < 2:
            continue
        for says, code in chance.sample(described, min(len(described), 4)):
            other = chance.choice([function for function in described if function[0] != says] or [("", "")])[1]
            yield Pair(says, code, answers=True)
            if other and other != code:
                yield Pair(says, other, answers=False)


def _described(node: ast.FunctionDef, source: str) -> tuple[str, str] | None:
    """Return the first sentence of its docstring, and its source without the docstring."""
    says = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ")
    if len(says.split()) < 5 or len(node.body) < 2:
        return None
    lines = source.splitlines()
    head = lines[node.lineno - 1 : node.body[0].lineno - 1]
    return says.split(". ")[0], "\n".join([*head, *lines[node.body[0].end_lineno or 0 : node.end_lineno]])
