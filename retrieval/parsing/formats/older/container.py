"""Compound files, in which the Office programs before 2007 and Outlook keep what they write ([MS-CFB])."""

from __future__ import annotations

from pathlib import Path

_STREAMS = {  # which one says what the file is
    "encryptedpackage": "protected",
    "worddocument": "doc",
    "powerpoint document": "ppt",
    "workbook": "xls",
    "book": "xls",
    "__properties_version1.0": "msg",
    "visiodocument": "vsd",
}


def kind_of_container(path: Path) -> str:
    """Return doc, ppt, xls, msg, vsd, or protected for a newer file behind a password; ole for any other or a broken
    one."""
    from olefile import OleFileIO

    try:
        with OleFileIO(str(path)) as container:
            names = {entry[0].lower() for entry in container.listdir() if len(entry) == 1}
    except (OSError, ValueError, TypeError, IndexError, AttributeError, KeyError, RecursionError):
        return "ole"
    return next((kind for name, kind in _STREAMS.items() if name in names), "ole")
