"""A page's own style sheets: which declarations hold for an element, as far as they decide whether its text is seen.

Selectors of tags, classes, ids and attributes are understood, side by side (`p.x[data-x=y]`), below each other (`.x p`)
and as children (`.x > p`), also by their number up to 19 (`:nth-child(2)`, `:first-child`, `:last-child`); a rule with
any other selector (`:hover`, `[type^=x]`, `a + b`) is passed over, and so are sheets for other media than a screen, and
everything that depends on its size. What can't be told leaves text where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lxml.etree import _Element

_PROPERTIES = frozenset(
    "display visibility opacity position left right top bottom text-indent clip clip-path color background "
    "background-color font-size font width height max-width max-height overflow list-style list-style-type transform "
    "margin-left margin-top animation animation-name vertical-align "
    "background-image background-clip -webkit-background-clip content-visibility".split()
)
_CSS_LIMIT = 2_000_000  # characters of all sheets of a page
_RULE_LIMIT = 30_000
_TESTS_LIMIT = 2_000_000  # of a rule on an element; then rules stop to apply
_ANCESTORS = 100
_TOKEN = re.compile(r"[{};]|\\.|\"(?:[^\"\\\n]|\\.)*+(?:\"|$)|'(?:[^'\\\n]|\\.)*+(?:'|$)")
_COMPOUND = re.compile(r"(\*|[a-zA-Z][\w-]*)?((?:[.#][\w-]+|\[[\w-]+(?:=[^\]]*)?\]|:[a-z-]+(?:\(\d{1,6}\))?)*)")
_PART = re.compile(r"[.#][\w-]+|\[[^\]]+\]|:[^.#\[:]+")
# Higher numbers are passed over: the children before have to be counted for each element.
_CHILD = re.compile(r":(?:nth-child\((1?\d)\)|(first)-child|(last)-child)")
_SCREEN = re.compile(r"@(?:media\s+(?:all|(?:only\s+)?screen|not\s+print)|layer\b[^{]*)", re.IGNORECASE)

Weight = tuple[
    bool, int, int, int, int
]  # important, ids (a style attribute counts more than all), classes, tags, order


@lru_cache(maxsize=1_000)
def _classes_in(attribute: str) -> frozenset[str]:
    return frozenset(attribute.split())


class _Compound(NamedTuple):
    tag: str
    ids: frozenset[str]
    classes: frozenset[str]
    is_child: bool  # stands directly in what the compound before it matches
    attributes: tuple[tuple[str, str | None], ...] = ()  # None: with any value
    number: int = 0  # among the children that it is one of; -1 is the last

    def matches(self, element: _Element) -> bool:
        return (
            (not self.tag or element.tag == self.tag)
            and (not self.ids or element.get("id") in self.ids)
            and (not self.classes or self.classes <= _classes_in(element.get("class", "")))
            and all(
                element.get(name) is not None and value in {None, element.get(name)} for name, value in self.attributes
            )
            and (not self.number or _is_numbered(element, self.number))
        )


class _Rule(NamedTuple):
    compounds: tuple[_Compound, ...]
    declarations: dict[str, tuple[str, bool]]  # value and whether it is important
    order: int


class Sheets:
    """The rules of all <style> elements of a page."""

    def __init__(self, root: _Element) -> None:
        self._rules: dict[str, list[_Rule]] = {}  # by a class, id or tag that what they match has
        self._tests = 0
        self.is_complete = not any("stylesheet" in link.get("rel", "").lower() for link in root.iter("link"))
        left, count = _CSS_LIMIT, 0
        for style in root.iter("style"):
            if style.get("media", "all").strip().lower() not in {"", "all", "screen"}:
                continue
            css = "".join(style.itertext())[:left]
            left -= len(css)
            self.is_complete = self.is_complete and "@import" not in css
            for rule in _rules_in(css):
                if (count := count + 1) <= _RULE_LIMIT:
                    self._rules.setdefault(_key(rule.compounds[-1]), []).append(rule._replace(order=count))

    @property
    def has_rules(self) -> bool:
        return bool(self._rules)

    def declared(self, element: _Element) -> dict[str, str]:
        """Return the values that hold for an element by rules and by its own style, without what it inherits."""
        own = element.get("style")
        if not self._rules and not own:
            return {}
        found: dict[str, tuple[Weight, str]] = {}
        for rule in self._candidates(element):
            self._tests += 1
            if self._tests > _TESTS_LIMIT:
                self._rules.clear()
                break
            if _matches(rule.compounds, element):
                ids, classes, tags = _specificity(rule.compounds)
                for name, (value, important) in rule.declarations.items():
                    _put(found, name, value, (important, ids, classes, tags, rule.order))
        for name, (value, important) in declarations_in(own or "").items():
            _put(found, name, value, (important, 1_000, 0, 0, 0))
        return {name: value for name, (_weight, value) in found.items()}

    def _candidates(self, element: _Element) -> Iterator[_Rule]:
        if self._rules:
            names = [f".{name}" for name in element.get("class", "").split()[:100]]
            for key in (*names, f"#{element.get('id', '')}", str(element.tag), "*"):
                yield from self._rules.get(key, ())


def declarations_in(text: str) -> dict[str, tuple[str, bool]]:
    """Return the declarations that matter here, in lower case, each with whether it is important."""
    found: dict[str, tuple[str, bool]] = {}
    for declaration in text[:20_000].split(";"):
        name, _, value = declaration.partition(":")
        name = name.strip().lower()
        if name in _PROPERTIES and (value := value.strip().lower()):
            value, important = (value[:-10].rstrip(" !"), True) if value.endswith("important") else (value, False)
            found[name] = (value.rstrip(" !"), important)
    return found


def _put(found: dict[str, tuple[Weight, str]], name: str, value: str, weight: Weight) -> None:
    if name not in found or found[name][0] <= weight:
        found[name] = (weight, value)


def _matches(compounds: tuple[_Compound, ...], element: _Element) -> bool:
    if not compounds[-1].matches(element):
        return False
    wanted = len(compounds) - 1
    for distance, above in enumerate(element.iterancestors()):
        if wanted == 0 or distance > _ANCESTORS:
            break
        if compounds[wanted - 1].matches(above):
            wanted -= 1
        elif compounds[wanted].is_child:
            return False
    return wanted == 0


def _specificity(compounds: tuple[_Compound, ...]) -> tuple[int, int, int]:
    return (
        sum(len(compound.ids) for compound in compounds),
        sum(len(each.classes) + len(each.attributes) + (each.number != 0) for each in compounds),
        sum(1 for compound in compounds if compound.tag),
    )


def _key(compound: _Compound) -> str:
    if compound.classes:
        return f".{min(compound.classes)}"
    return f"#{min(compound.ids)}" if compound.ids else compound.tag or "*"


def _rules_in(css: str) -> Iterator[_Rule]:
    """Yield a rule for each selector that is understood."""
    for selectors, body in _blocks_in(_without_comments(css)):
        if declarations := declarations_in(body):
            for selector in selectors[:5_000].split(","):
                if compounds := _compounds(selector):
                    yield _Rule(compounds, declarations, 0)


def _blocks_in(css: str) -> Iterator[tuple[str, str]]:
    """Yield the selectors and the body of each rule that applies on a screen."""
    open_blocks: list[tuple[bool, str, int]] = []  # whether what is in it applies; its selectors; where it begins
    start = 0
    for token in _TOKEN.finditer(css):
        sign, at = token[0], token.start()
        if sign == "{":
            prelude = css[start:at].strip()
            applies = (not open_blocks or open_blocks[-1][0]) and (
                _SCREEN.fullmatch(prelude[:200]) is not None if prelude.startswith("@") else True
            )
            is_rule = not prelude.startswith("@")
            open_blocks.append((applies and not is_rule, prelude if applies and is_rule else "", at + 1))
        elif sign == "}" and open_blocks:
            _applies, selectors, begin = open_blocks.pop()
            if selectors:
                yield selectors, css[begin:at]
        if sign in "{}" or (sign == ";" and not (open_blocks and open_blocks[-1][1])):
            start = at + 1


def _compounds(selector: str) -> tuple[_Compound, ...]:
    """Return the parts of a selector; nothing when it has one that is not understood."""
    found: list[_Compound] = []
    is_child = False
    for part in selector.replace(">", " > ").split():
        if part == ">":
            is_child = True
            continue
        compound = _COMPOUND.fullmatch(part)
        if compound is None:
            return ()
        parts = _PART.findall(compound[2])
        if any(each[0] == ":" and _CHILD.fullmatch(each) is None for each in parts):
            return ()
        tag = "" if compound[1] in (None, "*") else compound[1].lower()
        found.append(_compound(tag, parts, is_child))
        is_child = False
    return tuple(found[:10]) if len(found) <= 10 else ()


def _compound(tag: str, parts: list[str], is_child: bool) -> _Compound:
    ids = frozenset(part[1:] for part in parts if part[0] == "#")
    classes = frozenset(part[1:] for part in parts if part[0] == ".")
    named = (part[1:-1].partition("=") for part in parts if part[0] == "[")
    attributes = tuple((name.lower(), value.strip("\"'") if sign else None) for name, sign, value in named)
    number = 0
    for child in filter(None, map(_CHILD.fullmatch, parts)):
        number = int(child[1]) if child[1] else 1 if child[2] else -1
    return _Compound(tag, ids, classes, is_child, attributes, number)


def _is_numbered(element: _Element, number: int) -> bool:
    """Return whether it is the child of that number of what it stands in; -1 for the last."""
    if number < 0:
        return element.getnext() is None
    before = islice(element.itersiblings(preceding=True), number)
    return number == 1 + sum(1 for each in before if isinstance(each.tag, str))


def _without_comments(css: str) -> str:
    kept: list[str] = []
    done = 0
    while (start := css.find("/*", done)) >= 0:
        kept.append(css[done:start])
        end = css.find("*/", start + 2)
        if end < 0:
            return "".join(kept)
        done = end + 2
    return "".join([*kept, css[done:]])
