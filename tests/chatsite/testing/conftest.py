"""The kit's fixtures, which a host names by `pytest_plugins = ["chatsite.testing"]` in its own conftest.py."""

from chatsite.testing.fixtures import docchat_folder, documents, scripted_model

__all__ = ["docchat_folder", "documents", "scripted_model"]
