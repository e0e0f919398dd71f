"""The house as `README.md` draws it: who imports whom, and one doorway for each vendor."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("chatsite", "agents", "retrieval")


def modules(package: str) -> Iterator[Path]:
    return (path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts)


def imported(path: Path) -> set[str]:
    """The full names of what a file imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def importers(vendor: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in modules(package)
        if any(name.split(".")[0] == vendor for name in imported(path))
    }


@pytest.mark.parametrize("package", ["agents", "retrieval"])
def test_agents_and_retrieval_have_not_met_and_know_no_site(package: str) -> None:
    others = set(PACKAGES) - {package}
    for path in modules(package):
        assert not {name.split(".")[0] for name in imported(path)} & others, path


@pytest.mark.parametrize(
    ("vendor", "doorways"),
    [
        ("openai", {"agents/openai_model.py", "retrieval/embedding.py"}),
        ("qdrant_client", {"retrieval/index/server.py"}),
        ("qdrant_edge", {"retrieval/index/edge.py", "retrieval/index/words.py"}),
        ("onnxruntime", {"retrieval/embedding.py", "retrieval/minilm.py"}),
        ("fastembed", {"retrieval/fast_embedding.py"}),
        ("gunicorn", {"chatsite/server.py"}),
        ("yaml", {"agents/workflows/yaml.py"}),
        ("httpcore2", {"retrieval/sources/web.py"}),
    ],
)
def test_vendor_has_its_doorways_and_no_other(vendor: str, doorways: set[str]) -> None:
    found = importers(vendor)
    assert found
    assert found <= doorways


def test_environment_is_read_in_settings_only() -> None:
    """`os.environ` elsewhere only names the settings module."""
    readers = [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in modules(package)
        for line in path.read_text().splitlines()
        if ("environ" in line or "getenv" in line) and "DJANGO_SETTINGS_MODULE" not in line and "# not ours" not in line
    ]
    assert {str(path) for path in readers} <= {"chatsite/settings.py"}


def test_no_file_holds_two_concepts() -> None:
    for package in PACKAGES:
        for path in modules(package):
            assert len(path.read_text().splitlines()) <= 500, path
