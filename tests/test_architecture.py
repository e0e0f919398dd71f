"""The house as `README.md` draws it: who imports whom, and one doorway for each vendor."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.house import FOLDER_LIMIT, FUNCTION_LIMIT, Checkout, read_checkout

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


def modules_by_name() -> dict[str, Path]:
    """Every module of the three packages; a package goes by its own name."""
    paths = [path for package in PACKAGES for path in modules(package)]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imported_modules(name: str, named: dict[str, Path]) -> set[str]:
    """The modules of ours that this one imports, at its top or inside a function; not those that only a type checker
    does (`if TYPE_CHECKING`), and not the packages that Python loads on the way to a module."""
    tree = ast.parse(named[name].read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(member if member in named else node.module for member in members)
    return {other for other in found if other in named and other != name}


def in_rings(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """The modules from which imports lead back to themselves, each with those it imports that do so too. What imports
    nothing that is left, or is imported by nothing that is left, is in no ring."""
    left = dict(imports)
    while True:
        wanted = {other for others in left.values() for other in others}
        kept = {name: others & left.keys() for name, others in left.items() if others & left.keys() and name in wanted}
        if kept == left:
            return left
        left = kept


def test_no_modules_import_each_other_directly_or_in_a_ring() -> None:
    named = modules_by_name()
    assert len(named) > 150
    assert in_rings({name: imported_modules(name, named) for name in named}) == {}
    assert in_rings({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}).keys() == {"a", "b", "c"}


def test_retrieval_names_no_url_of_the_site() -> None:
    files = [path for path in (ROOT / "retrieval").rglob("*") if path.suffix in {".py", ".html", ".js"}]
    assert [path for path in files if "chatsite:" in path.read_text()] == []


@pytest.mark.parametrize("package", ["agents", "retrieval"])
def test_agents_and_retrieval_have_not_met_and_know_no_site(package: str) -> None:
    others = set(PACKAGES) - {package}
    for path in modules(package):
        assert not {name.split(".")[0] for name in imported(path)} & others, path


@pytest.mark.parametrize(
    ("vendor", "doorways"),
    [
        (
            "openai",
            {
                "agents/models/openai_client.py",
                "agents/models/openai_model.py",
                "retrieval/embedding/remote.py",
            },
        ),
        ("qdrant_client", {"retrieval/index/server.py"}),
        ("qdrant_edge", {"retrieval/index/edge.py", "retrieval/index/shard.py", "retrieval/index/words.py"}),
        (
            "onnxruntime",
            {
                "retrieval/embedding/local.py",
                "retrieval/embedding/bert_graph.py",
                "retrieval/parsing/recognition/models.py",
            },
        ),
        ("fastembed", {"retrieval/embedding/fastembed.py"}),
        ("gunicorn", {"chatsite/server.py", "chatsite/serving/worker.py"}),
        ("yaml", {"agents/workflows/yaml.py"}),
        ("wagtail", {"retrieval/model_documents/wagtail.py"}),
        ("cms", {"retrieval/model_documents/djangocms.py"}),
        ("djangocms_versioning", {"retrieval/model_documents/djangocms.py"}),
        ("mcp", {"agents/tools/mcp.py"}),
        ("debug_toolbar", {"retrieval/debug_panel.py"}),
        ("httpcore2", {"retrieval/sources/web.py"}),
        ("py3langid", {"retrieval/text/language.py"}),
        ("snowballstemmer", {"retrieval/text/stems.py"}),
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
        if re.search(r"\benviron\b|getenv", line) and "DJANGO_SETTINGS_MODULE" not in line and "# not ours" not in line
    ]
    library = "agents/offline.py"  # its switch, which works without a project
    assert {str(path) for path in readers} <= {"chatsite/settings.py", "chatsite/conf.py", library}


# ---- what `make house` counts ----------------------------------------------------------------------------------------
TWICE = {
    "Command",  # Django looks for it under this name
    "Passage",  # a numbered text in a message of `agents`, which knows no document; a place in one in `retrieval`
    "Workflow",  # steps in a file, read and checked; and as the site keeps them
    "WorkflowRun",  # likewise: while its steps are under way, and as the site keeps it
    "Context",  # what a tool of an agent is given; and what one of the host is: who asks
    "Source",  # what a tool of the host gives; and a passage as the staff see it
    "Run",  # a question to its end: while an agent works on it, and as the site keeps it
}


@pytest.fixture(scope="module")
def checkout() -> Checkout:
    return read_checkout(ROOT)


def test_no_folder_holds_more_modules_than_one_looks_through(checkout: Checkout) -> None:
    large = {folder: count for folder, count in checkout.modules_by_folder().items() if count > FOLDER_LIMIT}
    assert large == {}


def test_no_file_holds_two_concepts(checkout: Checkout) -> None:
    assert checkout.long_files() == []


def test_no_function_is_longer_than_a_screen(checkout: Checkout) -> None:
    assert [place for length, place in checkout.function_lengths() if length > FUNCTION_LIMIT] == []


def test_errors_are_caught_by_their_names(checkout: Checkout) -> None:
    assert checkout.broad_excepts_per_thousand_lines() < 1


def test_each_class_has_a_name_of_its_own(checkout: Checkout) -> None:
    classes = {name: files for name, files in checkout.repeated_names().items() if name[0].isupper()}
    assert {name: files for name, files in classes.items() if name not in TWICE} == {}
