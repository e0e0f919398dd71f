"""openai-agents beside ours. Both name their package `agents`; here theirs is imported as `openai_agents`.

`load()` gives their package. Their own imports of `agents` are renamed as their files are compiled; nothing is written.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import distribution
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

NAME = "openai_agents"


def load() -> ModuleType:
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    return importlib.import_module(NAME)


class _Finder(MetaPathFinder):
    def __init__(self) -> None:
        self.folder = Path(str(distribution("openai-agents").locate_file("agents")))

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        first, *rest = fullname.split(".")
        if first != NAME:
            return None
        place = self.folder.joinpath(*rest)
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if not file.exists():
            return None
        folders = [str(place)] if place.is_dir() else None
        return spec_from_file_location(
            fullname, file, loader=_Loader(fullname, str(file)), submodule_search_locations=folders
        )


class _Loader(SourceFileLoader):
    def path_stats(self, path: str) -> Any:
        """No byte code is read or kept: it would be of the other name."""
        raise OSError

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        tree = ast.parse(data)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] == "agents":
                node.module = f"openai_{node.module}"
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)
