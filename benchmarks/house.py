"""Count what makes the code easy or hard to find one's way in, from its syntax trees alone.

    python -m benchmarks.house                        # this checkout, with all names and places
    python -m benchmarks.house --beside ../before     # another checkout in a second column, without them

Only the standard library is used, so that any checkout can be counted, whatever it needs to run.
"""

from __future__ import annotations

import argparse
import ast
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("agents", "retrieval", "chatsite")
FOLDER_LIMIT = 20  # modules, `__init__.py` not counted
FILE_LIMIT = 500  # lines
FUNCTION_LIMIT = 60  # lines
BLOCK_LINES = 6  # equal lines in a row that make a duplicate block
BROAD = {"Exception", "BaseException"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file: its dotted name, its path from the root of the checkout, and its source."""

    name: str
    path: Path
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @property
    def lines(self) -> int:
        return len(self.source.splitlines())

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in self.nodes if isinstance(node, Function)]

    @property
    def public_names(self) -> list[str]:
        """List the classes and the public functions that stand at the top of this module."""
        return [
            node.name
            for node in self.tree.body
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_")
        ]

    def code_lines(self) -> list[tuple[int, str]]:
        """List the lines that are neither blank, nor comments, nor part of an import, with their numbers."""
        imports = {
            number
            for node in self.nodes
            if isinstance(node, ast.Import | ast.ImportFrom)
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        stripped = ((number, line.strip()) for number, line in enumerate(self.source.splitlines(), 1))
        return [(number, line) for number, line in stripped if line and line[0] != "#" and number not in imports]


@dataclass(frozen=True)
class Place:
    """A line of a file, as `agents/loop.py:40`."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Checkout:
    """The modules of the packages of one checkout, migrations left out, and what is counted in them."""

    modules: list[Module] = field(repr=False)

    def modules_by_folder(self) -> Counter[str]:
        """Count the modules of each folder, without `__init__.py`."""
        return Counter(str(module.path.parent) for module in self.modules if module.path.name != "__init__.py")

    def import_circles(self, *, with_types: bool = False) -> list[list[str]]:
        """List the groups of modules that import each other, directly or through others of their group.

        Imports inside functions count, those under `if TYPE_CHECKING:` only `with_types`. A module does not count as
        importing the packages that it stands in.
        """
        names = {module.name for module in self.modules}
        arrows = {
            module.name: set(imported(module, names, with_types=with_types)) - {module.name} for module in self.modules
        }
        reached = {name: reachable(name, arrows) for name in names}
        circles = {
            tuple(sorted({name, *(other for other in reached[name] if name in reached[other])}))
            for name in names
            if name in reached[name]
        }
        return [list(circle) for circle in sorted(circles)]

    def function_lengths(self) -> list[tuple[int, str]]:
        """List the lines of each function, from `def` to its end, and where it stands; the shortest first."""
        return sorted(
            ((function.end_lineno or 0) - function.lineno + 1, f"{Place(module.path, function.lineno)} {function.name}")
            for module in self.modules
            for function in module.functions
        )

    def long_files(self) -> list[str]:
        return [f"{module.path} {module.lines}" for module in self.modules if module.lines > FILE_LIMIT]

    def repeated_names(self) -> dict[str, list[str]]:
        """Return each public class or function that more than one module defines, with the files that do."""
        places = defaultdict(list)
        for module in self.modules:
            for name in module.public_names:
                places[name].append(str(module.path))
        return {name: sorted(set(paths)) for name, paths in sorted(places.items()) if len(set(paths)) > 1}

    def broad_excepts(self) -> list[Place]:
        """List the handlers that catch `Exception`, `BaseException` or everything."""
        return [
            Place(module.path, line)
            for module in self.modules
            for line in sorted(
                node.lineno for node in module.nodes if isinstance(node, ast.ExceptHandler) and is_broad(node.type)
            )
        ]

    def broad_excepts_per_thousand_lines(self) -> float:
        return 1000 * len(self.broad_excepts()) / self.lines()

    def broad_excepts_that_raise_again(self) -> int:
        """Count those of them that clear up and end in a bare `raise`: they keep no error from its caller."""
        return sum(
            isinstance(node, ast.ExceptHandler)
            and is_broad(node.type)
            and isinstance(last := node.body[-1], ast.Raise)
            and last.exc is None
            for module in self.modules
            for node in module.nodes
        )

    def lines(self) -> int:
        return sum(module.lines for module in self.modules)

    def duplicate_blocks(self) -> list[tuple[Place, Place, int]]:
        """List the blocks of at least `BLOCK_LINES` equal lines that stand in two places, and how many lines each has.

        Blank lines, comments and imports don't count as lines, and end no block.
        """
        first_places: dict[tuple[str, ...], tuple[int, int]] = {}
        found = []
        files = [module.code_lines() for module in self.modules]
        for number, lines in enumerate(files):
            position = 0
            while position + BLOCK_LINES <= len(lines):
                window = tuple(text for _, text in lines[position : position + BLOCK_LINES])
                where, start = first_places.setdefault(window, (number, position))
                if (where, start) == (number, position) or (where == number and position < start + BLOCK_LINES):
                    position += 1
                    continue
                length = equal_lines(files[where][start:], lines[position:])
                first = Place(self.modules[where].path, files[where][start][0])
                found.append((first, Place(self.modules[number].path, lines[position][0]), length))
                position += length
        return found

    def docstrings_without_a_verb(self) -> list[str]:
        """List the docstrings that begin with "The" or "What", with the line of what they describe."""
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        return [
            f"{Place(module.path, getattr(node, 'lineno', 1))} {text.splitlines()[0]}"
            for module in self.modules
            for node in module.nodes
            if isinstance(node, documented) and (text := ast.get_docstring(node) or "").split(" ")[0] in ("The", "What")
        ]


def read_checkout(root: Path) -> Checkout:
    """Return the checkout whose packages lie in `root`."""
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    return Checkout(
        [
            Module(dotted_name(path.relative_to(root)), path.relative_to(root), path.read_text())
            for path in paths
            if "migrations" not in path.parts
        ]
    )


def dotted_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(module: Module, names: set[str], *, with_types: bool = False) -> Iterator[str]:
    """Yield those of `names` that a module imports, wherever in it the import stands."""
    for node in module.nodes if with_types else runtime_nodes(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute_base(module, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield from [inner] if inner in names else [base] if base in names else []


def runtime_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield all nodes of a module but those under `if TYPE_CHECKING:`."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if not (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")):
            yield node
            waiting.extend(ast.iter_child_nodes(node))


def absolute_base(module: Module, node: ast.ImportFrom) -> str:
    """Return what `from … import` names, also where it is written with dots."""
    if not node.level:
        return node.module or ""
    inside = module.name.split(".") + (["__init__"] if module.path.name == "__init__.py" else [])
    return ".".join(inside[: -node.level] + ([node.module] if node.module else []))


def reachable(start: str, arrows: dict[str, set[str]]) -> set[str]:
    """Return all that can be reached from `start` by one arrow or more."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        fresh = arrows[waiting.pop()] - reached
        reached |= fresh
        waiting.extend(fresh)
    return reached


def is_broad(caught: ast.expr | None) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(name is None or ast.unparse(name) in BROAD for name in names)


def equal_lines(first: list[tuple[int, str]], second: list[tuple[int, str]]) -> int:
    """Count the lines that two files have in common from here on."""
    length = 0
    for (_, one), (_, other) in zip(first, second, strict=False):
        if one != other:
            break
        length += 1
    return length


def figures(checkout: Checkout) -> dict[str, str]:
    """Return the rows of the table: what is counted, and the figure."""
    folders = checkout.modules_by_folder()
    lengths = [length for length, _ in checkout.function_lengths()]
    docstrings = checkout.docstrings_without_a_verb()
    largest, size = folders.most_common(1)[0]
    return {
        "modules": str(folders.total()),
        "lines": f"{checkout.lines():,}",
        "largest folder": f"{size} ({largest})",
        f"folders over {FOLDER_LIMIT} modules": str(sum(size > FOLDER_LIMIT for size in folders.values())),
        "import circles": str(len(checkout.import_circles())),
        "import circles, those for types too": str(len(checkout.import_circles(with_types=True))),
        "lines of a function, p90": f"{statistics.quantiles(lengths, n=10)[-1]:.0f}",
        "lines of the longest function": str(lengths[-1]),
        f"files over {FILE_LIMIT} lines": str(len(checkout.long_files())),
        "names defined in several modules": str(len(checkout.repeated_names())),
        "broad excepts": str(len(checkout.broad_excepts())),
        "broad excepts per 1,000 lines": f"{checkout.broad_excepts_per_thousand_lines():.2f}",
        "broad excepts that raise again": str(checkout.broad_excepts_that_raise_again()),
        "duplicate blocks": str(len(checkout.duplicate_blocks())),
        "docstrings that begin with The": str(sum(" The " in f"{text} " for text in docstrings)),
        "docstrings that begin with What": str(sum(" What " in f"{text} " for text in docstrings)),
    }


def details(checkout: Checkout) -> Iterator[tuple[str, list[str]]]:
    """Yield what the figures count, each list under its heading."""
    yield (
        "Modules per folder",
        [f"{count:>3} {folder}" for folder, count in sorted(checkout.modules_by_folder().items())],
    )
    circles = checkout.import_circles(with_types=True)
    yield "Import circles, those for types too", [", ".join(circle) for circle in circles]
    yield "Longest functions", [f"{length:>3} {place}" for length, place in reversed(checkout.function_lengths()[-5:])]
    yield f"Files over {FILE_LIMIT} lines", checkout.long_files()
    yield "Defined in several modules", [f"{name}: {', '.join(ps)}" for name, ps in checkout.repeated_names().items()]
    yield "Broad excepts", [str(place) for place in checkout.broad_excepts()]
    yield "Duplicate blocks", [f"{lines:>3} lines: {one}, {two}" for one, two, lines in checkout.duplicate_blocks()]
    yield "Docstrings that begin with The or What", checkout.docstrings_without_a_verb()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="a checkout; this one when left out")
    parser.add_argument("--beside", type=Path, help="another checkout, printed in a column before it")
    arguments = parser.parse_args()
    roots = [root for root in (arguments.beside, arguments.root) if root]
    checkouts = [read_checkout(root) for root in roots]
    columns = [figures(checkout) for checkout in checkouts]
    print("".join([f"{'':<38}", *(f" {root.resolve().name:>25}" for root in roots)]))
    for name in columns[-1]:
        print("".join([f"{name:<38}", *(f" {column[name]:>25}" for column in columns)]))
    if not arguments.beside:
        for heading, lines in details(checkouts[-1]):
            print("", heading, *[f"  {line}" for line in lines or ["none"]], sep="\n")


if __name__ == "__main__":
    main()
