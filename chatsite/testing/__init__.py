"""Tests of what a site answers, in the site's own suite: `pytest_plugins = ["chatsite.testing"]`.

Documents are strings, no key and no server is needed, and each question goes the way of a real one. docs/testing.md
shows it; without pytest, `indexed_documents` and `scripted` are what the fixtures are made of.
"""

from importlib.util import find_spec

from chatsite.testing.answers import AskedAnswer, assert_answers, assert_refuses
from chatsite.testing.documents import indexed_documents
from chatsite.testing.scripts import scripted

__all__ = ["AskedAnswer", "assert_answers", "assert_refuses", "indexed_documents", "scripted"]

if find_spec("pytest_django"):
    from chatsite.testing.fixtures import docchat_folder, documents, scripted_model  # noqa: F401 - pytest finds them
