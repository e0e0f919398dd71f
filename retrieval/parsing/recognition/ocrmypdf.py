"""Text from pictures of pages, by OCRmyPDF where it is installed (with Tesseract, which it runs)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from retrieval.errors import NeedsOcr
from retrieval.reasons import gettext_noop as _

IMAGES_ONLY = _(
    "It has no text, only images: install the extra “ocr” on the server (pip install 'django-docchat[ocr]'), or run "
    "OCR on it and upload the result."
)
LETTERS_UNNAMED = _(
    "Its fonts don't say which letters they show: install the extra “ocr” on the server (pip install "
    "'django-docchat[ocr]'), or run OCR on it and upload the result."
)
UNKNOWN_LETTERS = _(
    "It has no text, only images, in which the recognition that is installed finds no letters it knows: install "
    "ocrmypdf and Tesseract on the server, with the data of the language."
)
LACKS_TESSERACT = _("It has no text, only images. ocrmypdf lacks a program it needs: install Tesseract on the server.")
FOUND_NOTHING = _("It has no text, only images, and OCR found none in them.")
_FORMER_IMAGES_ONLY = (  # what documents say that began to wait before there was the extra
    "It has no text, only images: install ocrmypdf and Tesseract on the server, or run OCR on it and upload the result."
)
# Of the reasons for a document to wait.
MENDED_BY_ANY = (
    IMAGES_ONLY,
    LETTERS_UNNAMED,
    LACKS_TESSERACT,
    _FORMER_IMAGES_ONLY,
)
MENDED_BY_TESSERACT = (*MENDED_BY_ANY, UNKNOWN_LETTERS)
_LACKS_PROGRAM = _("It has no text, only images. ocrmypdf lacks a program it needs: the server's log names it.")
_LANGUAGES_LIMIT = 4  # each makes recognition slower
_MEGAPIXELS_LIMIT = 100  # a page; an A4 page at 600 dpi has 35
_EXIT_MISSING_PROGRAM = 3  # ocrmypdf.exceptions.ExitCode


def find_ocr() -> str:
    """Return the path of the `ocrmypdf` command: beside this Python's own, else on the PATH; empty without one."""
    beside = Path(sys.executable).with_name("ocrmypdf")
    return str(beside) if os.access(beside, os.X_OK) else shutil.which("ocrmypdf") or ""


def is_ready() -> bool:
    """Return whether both programs are there."""
    return bool(find_ocr() and shutil.which("tesseract"))


def recognise(path: Path, *, pages: Sequence[int], command: str, folder: Path) -> Path:
    """Return a copy of the PDF in `folder` in which these pages have got the text that is seen on them, whatever text
    they had.

    Raises NeedsOcr with the reason when nothing came of it.
    """
    output = folder / "recognised.pdf"
    arguments = [
        *("--force-ocr", "--pages", ",".join(map(str, pages)), "--output-type", "pdf", "--optimize", "0"),
        *("--jobs", str(os.cpu_count() or 1), "--quiet"),
        *("--skip-big", str(_MEGAPIXELS_LIMIT), "--max-image-mpixels", str(_MEGAPIXELS_LIMIT)),
    ]
    if languages := _languages():
        arguments += ["--language", languages]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; the paths are ours
            [command, *arguments, str(path), str(output)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={"PATH": os.pathsep.join(os.get_exec_path()), "LANG": "C.UTF-8", "TMPDIR": str(folder)},
        )
    except OSError as error:
        raise NeedsOcr(
            _("It has no text, only images, and ocrmypdf can't be run: %(fault)s."), fault=str(error.strerror)
        ) from error
    if done.returncode == 0 and output.is_file():
        return output
    print(done.stderr.decode(errors="replace")[-1_000:], file=sys.stderr)  # noqa: T201 - this process's log
    if done.returncode == _EXIT_MISSING_PROGRAM:
        raise NeedsOcr(_LACKS_PROGRAM if shutil.which("tesseract") else LACKS_TESSERACT)
    raise NeedsOcr(
        _("It has no text, only images, and OCR failed (status %(status)s): run OCR on it and upload the result."),
        status=done.returncode,
    )


def _languages() -> str:
    """Return the languages that Tesseract has been given data for, which is how its operator chooses them."""
    try:
        listed = subprocess.run(
            ["tesseract", "--list-langs"],  # noqa: S607 - found on the PATH like ocrmypdf's own call of it
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    names = [line.strip() for line in listed.stdout.decode(errors="replace").splitlines()[1:]]
    return "+".join([name for name in names if name not in ("osd", "equ", "")][:_LANGUAGES_LIMIT])
