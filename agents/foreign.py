"""Live beside another distribution that names its package `agents`, as openai-agents does.

Installed into one folder, each overwrites files of the other, and both are broken: then to import this module raises
ImportError, which says so and how to get out of it. Installed into a folder of its own, the other is imported under
another name:

    pip install --target vendor/openai-agents openai-agents
    openai_agents = load("openai-agents", path="vendor/openai-agents")

Or its agents are run by the interpreter of an environment of their own: see `python` of `agents.Recipe`.

It imports nothing of ours: where the rest of the package is overwritten, the site runs this file alone.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

DISTRIBUTION = "django-docchat"
PACKAGE = "agents"
FOLDER = Path(__file__).resolve().parent
THEIRS = "run.py"  # a file that openai-agents has had from its beginning, and we have not

MIXTURE = """{others} and {ours} both install a package named `{package}`, and have overwritten each other's files in
{folder}. Neither works. Install them apart:

    pip uninstall --yes {others} {ours}
    pip install {ours}
    pip install --target vendor/{first} {first}

and import the other with agents.foreign.load: see "Agents of other frameworks" in docs/agents.md."""

MISSING = """Files of {ours} are missing from {folder}: another distribution has overwritten them, and took them
away when it was uninstalled. Install them again:

    pip install --force-reinstall --no-deps {ours}"""


def refuse_mixture() -> None:
    """Raise ImportError when another distribution has written into this package, or has taken files of it away."""
    if (FOLDER / THEIRS).exists():
        raise ImportError(mixture(intruders() or ["openai-agents"]))
    if not (FOLDER / "__init__.py").exists():
        raise ImportError(MISSING.format(ours=DISTRIBUTION, folder=FOLDER))


def mixture(others: Sequence[str]) -> str:
    """Return what is wrong, by the names of both distributions, and the way out."""
    named = " ".join(others)
    return MIXTURE.format(others=named, ours=DISTRIBUTION, package=PACKAGE, folder=FOLDER, first=others[0])


def strangers() -> set[str]:
    """Return the files in the folder of this package that its own distribution doesn't know; none in a checkout."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        ours = distribution(DISTRIBUTION)
    except PackageNotFoundError:
        return set()
    if Path(str(ours.locate_file(PACKAGE))).resolve() != FOLDER:
        return set()
    known = {file.name for file in ours.files or () if file.parent.name == PACKAGE}
    return {file.name for file in FOLDER.glob("*.py")} - known


def intruders() -> list[str]:
    """Return the names of the other distributions that have files in the folder of this package."""
    from importlib.metadata import distributions

    return sorted(
        {
            each.name
            for each in distributions()
            if each.name != DISTRIBUTION
            and f"\n{PACKAGE}/" in f"\n{each.read_text('RECORD') or ''}"
            and Path(str(each.locate_file(PACKAGE))).resolve() == FOLDER
        }
    )


def load(distribution: str, *, path: str | Path | None = None) -> ModuleType:
    """Import the package `agents` of `distribution` under the distribution's name, with `_` for `-`, and return it.

    `path` is the folder that `pip install --target` has put it into, which then serves what it depends on as well,
    behind everything installed. Its imports of `agents` are renamed as its files are compiled; nothing is written.
    Raises ImportError when the distribution isn't there, or lies in the folder of this package.
    """
    name = distribution.replace("-", "_")
    if name not in sys.modules:
        folder = _folder(distribution, path)
        if path is not None and str(path) not in sys.path:
            sys.path.append(str(path))
        sys.meta_path.insert(0, _Finder(name, folder))
    return importlib.import_module(name)


def _folder(distribution: str, path: str | Path | None) -> Path:
    from importlib.metadata import distributions

    for found in distributions(name=distribution, path=sys.path if path is None else [str(path)]):
        folder = Path(str(found.locate_file(PACKAGE))).resolve()
        if folder == FOLDER:
            raise ImportError(mixture([distribution]))
        if folder.is_dir():
            return folder
    raise ImportError(f"{distribution} is not installed {f'in {path}' if path else 'here'}")


class _Finder(MetaPathFinder):
    """Finds the modules of `name` in `folder`."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        first, *rest = fullname.split(".")
        if first != self._name:
            return None
        place = self._folder.joinpath(*rest)
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if not file.exists():
            return None
        folders = [str(place)] if place.is_dir() else None
        loader = _Loader(fullname, str(file))
        return spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=folders)


class _Loader(SourceFileLoader):
    def path_stats(self, path: str) -> Any:
        """Refuse byte code: what is kept beside the file is of the other name."""
        raise OSError

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        tree = ast.parse(data)
        name = self.name.split(".")[0]
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and not node.level:
                node.module = _renamed(node.module or "", name)
            elif isinstance(node, ast.Import):
                node.names = list(_aliases(node.names, name))
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)


def _aliases(imported: Sequence[ast.alias], name: str) -> Iterator[ast.alias]:
    for alias in imported:
        renamed = _renamed(alias.name, name)
        if renamed != alias.name and not alias.asname:  # `import agents.tool` binds `agents`, with its submodule
            yield ast.copy_location(ast.alias(renamed), alias)
            yield ast.copy_location(ast.alias(name, PACKAGE), alias)
        else:
            yield ast.copy_location(ast.alias(renamed, alias.asname), alias)


def _renamed(module: str, name: str) -> str:
    first, dot, rest = module.partition(".")
    return f"{name}{dot}{rest}" if first == PACKAGE else module


refuse_mixture()
