"""Whether editing a workflow's text leaves alone what it is not about.

    python -m benchmarks.cards                # 10,000 texts
    python -m benchmarks.cards --count 500 --seed 7

Each text is made up: comments, odd spacing, {} and [], quotes of all kinds, texts of several lines, other letters and
line ends. Setting what is there already must give the same bytes, and so must each change followed by the one that
takes it back. In between, no comment may be lost and no other step may say anything else.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from agents.workflows.editing.cards import Cards, read_cards
from agents.workflows.editing.changes import (
    AddStep,
    Change,
    MoveStep,
    RemoveInput,
    RemoveStep,
    RenameStep,
    SetInput,
    SetKey,
    SetKind,
    SetTop,
    change,
)
from agents.workflows.editing.text import WorkflowText
from agents.workflows.editing.writing import write_scalar
from agents.workflows.errors import ChangeRefused
from agents.workflows.values import Json
from agents.workflows.yaml import YamlPart

NAMES = ["find", "review", "ask-all", "größe", "publish", "on", "step_2", "find2", "概要", "last"]
WORDS = [
    "Where is it?",
    "a: b",
    "plain words",
    "it's",
    'say "so"',
    "# no comment",
    "naïve 🐳",
    "yes",
    "12",
    "-x",
    "",
    " padded ",
]
NEW_VALUES: list[Json] = [
    "new",
    "with: colon",
    "${inputs.topic}",
    "see ${inputs.topic}: now",
    7,
    2.5,
    True,
    "two\nlines\n",
]
SHOWN = 5  # of what came out wrong
TOP_VALUES: dict[str, Json] = {"name": "renamed", "output": "${inputs.topic}", "timeout": 30, "parallel": 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began = time.perf_counter()
    counts: Counter[tuple[str, str]] = Counter()
    shown = 0
    seeds = range(arguments.seed, arguments.seed + arguments.count)
    with ProcessPoolExecutor() as processes:
        for seed, outcomes in zip(seeds, processes.map(_outcomes, seeds, chunksize=50), strict=True):
            for outcome in outcomes:
                counts[outcome.what, outcome.came] += 1
                if outcome.came not in ("identical", "rewritten") and shown < SHOWN:
                    print(f"seed {seed}: {outcome.what}: {outcome.came}: {outcome.said}")
                    shown += 1
    seconds = time.perf_counter() - began
    print("| change and its inverse | tried | identical | same data | refused | wrong |\n|---|---|---|---|---|---|")
    for what in dict.fromkeys(what for what, _ in counts):
        came = [counts[what, each] for each in ("identical", "rewritten", "refused", "wrong")]
        print(f"| {what} | {sum(came):,} | {' | '.join(f'{each:,}' for each in came)} |")
    print(f"\n{arguments.count:,} texts, {seconds:.0f} s")


def _outcomes(seed: int) -> list[Outcome]:
    return list(check(seed))


# ---- what must hold --------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Outcome:
    """How a change and its inverse came out: identical, rewritten (the value was not written as we write it, and says
    the same), refused, or wrong."""

    what: str
    came: str
    said: str = ""


def check(seed: int) -> Iterator[Outcome]:
    """Yield what came of each change to the text of this seed."""
    chance = random.Random(seed)
    text, data = make_text(chance)
    if WorkflowText(text).plain != data:
        raise AssertionError(f"seed {seed}: the text doesn't say what it was made of:\n{text}")
    cards = read_cards(text)
    yield from (_same(text, cards, step.name, key) for step in cards.steps for key in step.keys)
    for what, there, back, exact in _pairs(text, cards, chance):
        yield _tried(text, what, there, back, exact=exact)


def _same(text: str, cards: Cards, step: str, key: str) -> Outcome:
    card = cards.step(step)
    assert card is not None
    if card.keys[key] is None:
        return Outcome("set what is there", "identical")
    same = change(text, SetKey(step, (key,), card.keys[key])) == text
    return Outcome("set what is there", "identical" if same else "wrong", f"{step}.{key}")


def _tried(text: str, what: str, there: Change, back: Change, *, exact: bool) -> Outcome:
    said = f"{there}, {back}"
    try:
        between = change(text, there)
        end = change(between, back)
    except ChangeRefused as error:
        return Outcome(what, "refused", f"{said}: {error}")
    if lost := _lost(text, between, there):
        return Outcome(what, "wrong", f"{said}: {lost}")
    if end == text:
        return Outcome(what, "identical")
    is_closed = between[-1:] != text[-1:] and between.endswith("\n")  # a text at the end needed its last line break
    if (not exact or is_closed) and WorkflowText(end).plain == WorkflowText(text).plain:
        return Outcome(what, "rewritten")
    return Outcome(what, "wrong", said)


def _lost(text: str, between: str, made: Change) -> str:
    """Return what else the change has changed: comments, or other steps."""
    if isinstance(made, RenameStep):
        return ""
    comments = Counter(re.findall(r"#c\d+", text))
    if lost := comments - Counter(re.findall(r"#c\d+", between)):
        return f"comments lost: {', '.join(lost)}"
    touched = {getattr(made, "step", ""), getattr(made, "name", "")}
    before, after = (
        {card.name: (card.kind, card.target, card.keys) for card in read_cards(each).steps if card.name not in touched}
        for each in (text, between)
    )
    return "" if before == after else "another step has changed"


def _pairs(text: str, cards: Cards, chance: random.Random) -> Iterator[tuple[str, Change, Change, bool]]:
    names = [card.name for card in cards.steps]
    card = chance.choice(cards.steps)
    at, to = names.index(card.name), chance.randrange(len(names))
    after = chance.choice([None, *names])
    keys: dict[str, Json] = chance.choice([{}, {"prompt": "Say ${inputs.topic}"}, {"with": {"a": [1, {"b": "x: y"}]}}])
    yield "add a step", AddStep("new-step", "agent", "scribe", after, keys), RemoveStep("new-step"), True
    yield "move a step", MoveStep(card.name, to), MoveStep(card.name, at), True
    yield "rename a step", RenameStep(card.name, "renamed"), RenameStep("renamed", card.name), "\\u" not in text
    absent = [key for key in ("timeout", "when", "on_error", "retry", "needs") if key not in card.keys]
    if absent:
        value: Json = chance.choice([3, "${inputs.topic} == 'x'", ["a", "b"], "continue", {"times": 2}])
        yield "add a key", SetKey(card.name, absent[0], value), SetKey(card.name, absent[0], None), True
    if card.keys.get("with", 0):
        value = chance.choice(NEW_VALUES)
        yield "add an argument", SetKey(card.name, "with.fresh", value), SetKey(card.name, "with.fresh", None), True
    if card.target:
        there, back = SetKind(card.name, "tool", "other"), SetKind(card.name, card.kind, card.target)
        yield "set the kind", there, back, _is_exact(text, ("steps", card.name, card.kind), "other")
    scalars = list(_scalars(card.keys))
    if scalars:
        path, old = chance.choice(scalars)
        new = chance.choice(NEW_VALUES)
        exact = _is_exact(text, ("steps", card.name, *path), new)
        yield "set a value", SetKey(card.name, path, new), SetKey(card.name, path, old), exact
    for key in chance.sample(sorted(TOP_VALUES), 1):
        if WorkflowText(text).find((key,)) is None:
            yield "add a key at the top", SetTop(key, TOP_VALUES[key]), SetTop(key, None), True  # type: ignore[arg-type]
    yield "add an input", SetInput("extra", "what it is: this", 3), RemoveInput("extra"), True


def _is_exact(text: str, path: Sequence[str], new: Json) -> bool:
    """Tell whether the value was written as it is written here, so that setting it back must give the same bytes."""
    document = WorkflowText(text)
    piece = document.find(path)
    assert piece is not None
    flow = document.in_flow(path[:-1])
    old = document.value_at(path)
    if not isinstance(old, str | int | float) or "\n" in str(old):
        return False
    if piece.style == '"' and (write_scalar(new, flow=flow) if not isinstance(new, dict | list) else "")[:1] in (
        '"',
        "",
    ):
        return False  # from then on nobody knows whether the quotes were needed
    if isinstance(new, str) and "\n" in new and piece.style:
        return False
    if not isinstance(new, str) and piece.style:
        return False
    return text[piece.start : piece.end] == write_scalar(old, flow=flow, like=piece)


def _scalars(value: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _scalars(each, (*path, key))
    elif path and value is not None and not isinstance(value, list):
        yield path, value


# ---- texts -----------------------------------------------------------------------------------------------------------
def make_text(chance: random.Random) -> tuple[str, dict[str, Json]]:
    """Return the text of a workflow, and what it says."""
    data = _data(chance)
    writer = _Writer(chance)
    if chance.random() < 0.05:
        return writer.line_end.join(writer.flow(data)) + writer.final, data
    lines = writer.header() + writer.mapping(data, indent=0)
    return writer.begin + writer.line_end.join(lines) + writer.final, data


def _data(chance: random.Random) -> dict[str, Json]:
    names = chance.sample(NAMES, chance.randint(1, 5))
    data: dict[str, Json] = {}
    if chance.random() < 0.6:
        data["name"] = chance.choice(["digest", "größe", "my flow"])
    if chance.random() < 0.6:
        data["inputs"] = {"topic": {"description": chance.choice(WORDS), "default": chance.choice([None, 2, "x"])}}
    data["steps"] = {name: _step(chance, names[:at]) for at, name in enumerate(names)}
    if chance.random() < 0.6:
        data["output"] = f"${{steps.{chance.choice(names)}.output}}"
    if chance.random() < 0.3:
        data["timeout"] = 60
    items = list(data.items())
    if chance.random() < 0.3:
        chance.shuffle(items)
    return dict(items)


def _step(chance: random.Random, before: Sequence[str]) -> dict[str, Json]:
    kind = chance.choice(["agent", "tool", "function"])
    step: dict[str, Json] = {kind: chance.choice(["scribe", "shelf", "join"])}
    if kind == "agent":
        step["prompt"] = _value_text(chance, before)
    elif chance.random() < 0.8:
        step["with"] = {key: _value(chance, before) for key in chance.sample(["topic", "limit", "parts"], 2)}
    if before and chance.random() < 0.4:
        step["needs"] = chance.sample(list(before), chance.randint(1, len(before)))
    if before and chance.random() < 0.2:
        step["else"] = before[0]
    if before and chance.random() < 0.4:
        step["when"] = f"${{steps.{before[-1]}.output}} == 'it''s'"
    if chance.random() < 0.3:
        step["retry"] = chance.choice([2, {"times": 2, "seconds": 0.5}])
    items = list(step.items())
    if chance.random() < 0.3:
        chance.shuffle(items)
    return dict(items)


def _value_text(chance: random.Random, before: Sequence[str]) -> str:
    path = f"${{steps.{chance.choice(before)}.output.0.title}}" if before else "${inputs.topic}"
    texts = [
        path,
        f"About {path}: go on",
        f"First\n  then {path}\n\nend\n",
        "one\ntwo",
        f"$${{steps.find.x}} and {path}",
    ]
    return chance.choice([*texts, *WORDS])


def _value(chance: random.Random, before: Sequence[str], *, depth: int = 0) -> Json:
    roll = chance.random()
    if roll < 0.15 and depth < 2:
        return {chance.choice(["a", "b b", "c:d"]): _value(chance, before, depth=depth + 1)}
    if roll < 0.3 and depth < 2:
        return [_value(chance, before, depth=depth + 1) for _ in range(chance.randint(0, 3))]
    return chance.choice([_value_text(chance, before), 3, -1.5, True, None])


@dataclass
class _Writer:
    """Writes data with a style of its own, and with comments."""

    chance: random.Random
    line_end: str = field(init=False)
    final: str = field(init=False)
    begin: str = field(init=False)
    unit: int = field(init=False)
    blank: float = field(init=False)
    comments: int = 0

    def __post_init__(self) -> None:
        self.line_end = self.chance.choice(["\n", "\n", "\r\n"])
        self.final = self.chance.choice([self.line_end, self.line_end, "", self.line_end * 3])
        self.begin = self.chance.choice(["", "", "", "\ufeff", "---" + self.line_end])
        self.unit = self.chance.choice([2, 2, 4, 3])
        self.blank = self.chance.choice([0, 0, 0.3, 1])

    def maybe(self, share: float) -> bool:
        return self.chance.random() < share

    def comment(self) -> str:
        self.comments += 1
        return f"#c{self.comments} {self.chance.choice(['why: so', 'größe', '- x', '{'])}"

    def header(self) -> list[str]:
        return [self.comment(), ""] if self.maybe(0.3) else [self.comment()] if self.maybe(0.2) else []

    def mapping(self, value: dict[str, Json], *, indent: int) -> list[str]:
        lines: list[str] = []
        for position, (key, each) in enumerate(value.items()):
            if position and indent <= self.unit and self.maybe(self.blank):
                lines += [""] * self.chance.choice([1, 1, 2])
            if self.maybe(0.12):
                lines += [" " * indent + self.comment() for _ in range(self.chance.randint(1, 2))]
                lines += [""] if self.maybe(0.15) else []
            lines += self.entry(key, each, indent=indent)
            if self.maybe(0.05) and not _ends_in_lines(each):
                lines += [" " * (indent + self.unit) + self.comment()]
        return lines

    def entry(self, key: str, value: Json, *, indent: int) -> list[str]:
        name = self.key(key)
        colon = self.chance.choice([":", ":", ":", " :"])
        prefix = f"{' ' * indent}{name}{colon}"
        space = self.chance.choice([" ", " ", " ", "   "])
        match value:
            case dict() if value and self.maybe(0.8):
                return [prefix + self.behind(), *self.mapping(value, indent=indent + self.unit)]
            case list() if value and self.maybe(0.5):
                below = indent + self.chance.choice([0, self.unit])
                return [prefix + self.behind(), *(line for each in value for line in self.item(each, indent=below))]
            case dict() | list():
                first, *others = self.flow(value)
                return [prefix + space + first, *(" " * (indent + self.unit) + line for line in others)]
            case str() if "\n" in value and self.maybe(0.7):
                return self.literal(prefix + space, value, indent=indent + self.unit)
            case None if self.maybe(0.5):
                return [prefix + self.behind()]
        return [prefix + space + self.scalar(value, flow=False) + self.behind()]

    def behind(self) -> str:
        return f"  {self.comment()}" if self.maybe(0.08) else "  " if self.maybe(0.03) else ""

    def item(self, value: Json, *, indent: int) -> list[str]:
        if isinstance(value, dict) and value:
            first, *others = self.mapping_without_comments(value, indent=indent + 2)
            return [f"{' ' * indent}- {first.lstrip()}", *others]
        if isinstance(value, dict | list):
            return [f"{' ' * indent}- {''.join(self.flow(value, in_lines=False))}"]
        return [f"{' ' * indent}- {self.scalar(value, flow=False)}"]

    def mapping_without_comments(self, value: dict[str, Json], *, indent: int) -> list[str]:
        return [
            f"{' ' * indent}{self.key(key)}: {''.join(self.flow(each, in_lines=False))}" for key, each in value.items()
        ]

    def literal(self, prefix: str, value: str, *, indent: int) -> list[str]:
        header = "|" if value.endswith("\n") else "|-"
        lines = [" " * indent + line if line else "" for line in value.removesuffix("\n").split("\n")]
        return [prefix + header + self.behind(), *lines]

    def flow(self, value: Json, *, in_lines: bool | None = None) -> list[str]:
        in_lines = self.maybe(0.2) if in_lines is None else in_lines
        match value:
            case dict() if value and in_lines:
                parts = [
                    f"  {self.key(key)}: {''.join(self.flow(each, in_lines=False))}," for key, each in value.items()
                ]
                return ["{", *parts[:-1], parts[-1].removesuffix(",") if self.maybe(0.7) else parts[-1], " }"]
            case dict():
                space = self.chance.choice(["", "", " "])
                inner = ", ".join(
                    f"{self.key(key)}: {''.join(self.flow(each, in_lines=False))}" for key, each in value.items()
                )
                return ["{" + space + inner + space + "}"]
            case list():
                comma = self.chance.choice([", ", ", ", ",", " , "])
                return ["[" + comma.join("".join(self.flow(each, in_lines=False)) for each in value) + "]"]
        return [self.scalar(value, flow=True)]

    def key(self, key: str) -> str:
        if ":" in key or " " in key:
            return json.dumps(key)
        return self.chance.choice([key, key, key, key, json.dumps(key, ensure_ascii=False), f"'{key}'"])

    def scalar(self, value: Json, *, flow: bool) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        written = write_scalar(value, flow=flow, like=self.chance.choice([None, None, _like("'"), _like('"')]))
        escaped = json.dumps(value, ensure_ascii=max(value, default="") < "\U00010000")
        return self.chance.choice([written, written, escaped]) if written[:1] == '"' else written


def _ends_in_lines(value: Json) -> bool:
    """Tell whether a comment behind it, indented more, could be taken for one of its lines."""
    if isinstance(value, dict) and value:
        return _ends_in_lines(list(value.values())[-1])
    return isinstance(value, str) and "\n" in value


def _like(quotes: str) -> YamlPart:
    return YamlPart(0, 0, "scalar", text="x", style=quotes)


if __name__ == "__main__":
    main()
