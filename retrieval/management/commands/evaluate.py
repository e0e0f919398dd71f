"""`manage.py evaluate`: how well searches find, on questions whose answers are known."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from retrieval.errors import RetrievalError
from retrieval.evaluation import report
from retrieval.evaluation.questions import QuestionSet, read_set
from retrieval.evaluation.run import METHODS, Values, ask, locate, parse_method
from retrieval.evaluation.site import fill, folder_name
from retrieval.searching.search import Method

_LINE_SECONDS = 10  # between two lines of progress in a log


class Command(BaseCommand):
    help = "Measure searches on a BEIR folder, or on a csv of questions and the quotes that answer them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="The folder or the csv.")
        parser.add_argument(
            "--compare",
            nargs=2,
            metavar="METHOD",
            help="Two ways to search, like neighbours=0 and neighbours=1, or two files made by --save: are they "
            "different, or is it chance?",
        )
        parser.add_argument("--save", type=Path, metavar="FILE", help="Keep each question's figures as JSON.")
        parser.add_argument("--questions", type=int, metavar="N", help="Ask only every so many-th, N in all.")
        parser.add_argument("--here", action="store_true", help="Use this site's own database and index, as it is.")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        if options["compare"] and len(set(options["compare"])) < 2:
            raise CommandError("--compare wants two different ones.")
        try:
            found = read_set(path)
            if found.sources and not options["here"]:
                self._ask_elsewhere(path, found, options)
                return
            results = self._saved(options["compare"]) or self._measure(found, options)
            if options["save"]:
                report.save(options["save"], name=found.name, results=results)
        except RetrievalError as error:
            raise CommandError(str(error)) from error
        kinds = f"{len(found.questions):,} questions, {len(found.sources) or 'this site’s'} documents."
        self.stdout.write(f"{found.name}: {kinds} Percent, with 95 % intervals; lengths in characters.\n\n")
        self.stdout.write(report.comparison(results) if options["compare"] else report.table(results))

    def _ask_elsewhere(self, path: Path, found: QuestionSet, options: dict[str, Any]) -> None:
        """Run this command in a site of the set's own, in a folder that is kept.

        It takes this process's place, so that whoever ends the one ends the other; nothing after this is reached.
        """
        folder = settings.DATA_DIR / "evaluation" / folder_name(found.sources)
        folder.mkdir(parents=True, exist_ok=True)
        settings.MODEL_DIR.mkdir(parents=True, exist_ok=True)
        if not (folder / "models").exists():
            (folder / "models").symlink_to(settings.MODEL_DIR)
        place = ["-u", "DATABASE_URL", "-u", "QDRANT_URL", f"DATA_DIR={folder}"]
        again = [str(path), "--here"]
        for name in ("save", "questions"):
            again += [f"--{name}", str(options[name])] if options[name] else []
        again += ["--compare", *options["compare"]] if options["compare"] else []
        command = ["env", *place, sys.executable, str(settings.BASE_DIR / "manage.py"), "evaluate", *again]
        self.stdout.flush()
        os.execvp(command[0], command)  # noqa: S606 - this very command

    def _saved(self, compare: list[str] | None) -> dict[str, Values]:
        """Return two saved results, if that is what is compared."""
        if not compare or not all(Path(name).suffix == ".json" for name in compare):
            return {}
        loaded = [report.load(Path(name)) for name in compare]
        return {name: each[name] for each in loaded for name in [_hybrid_of(each)]}

    def _measure(self, found: QuestionSet, options: dict[str, Any]) -> dict[str, Values]:
        documents: dict[str, int] = {}
        if found.sources:
            call_command("migrate", interactive=False, verbosity=0)
            with self._progress("documents", len(found.sources)) as report_done:
                documents = fill(found.sources, report=report_done)
            if left := len(found.sources) - len(documents):
                self.stderr.write(f"Of {len(found.sources):,} documents {left:,} hold no text that can be read.")
        step = max(len(found.questions) // (options["questions"] or len(found.questions)), 1)
        questions = locate(found.questions[::step][: options["questions"]], documents=documents)
        results = {}
        for name, method in self._methods(options["compare"]):
            with self._progress(name, len(questions)) as report_done:
                results[name] = ask(questions, method=method, report=report_done)
        return results

    def _methods(self, compare: list[str] | None) -> Iterator[tuple[str, Method]]:
        if compare:
            yield from ((text, parse_method(text)) for text in compare)
        else:
            yield from METHODS.items()

    def _progress(self, name: str, whole: int) -> _Progress:
        return _Progress(name, whole, write=self.stderr.write, rewrites=self.stderr.isatty())


class _Progress:
    """A line that rewrites itself; where lines can't be rewritten, one now and then."""

    def __init__(self, name: str, whole: int, *, write: Callable[..., object], rewrites: bool) -> None:
        self._name, self._whole, self._write, self._rewrites = name, whole, write, rewrites
        self._shown_at = time.monotonic()

    def __enter__(self) -> Callable[[int], None]:
        return self._show

    def __exit__(self, *failure: object) -> None:
        if self._rewrites:
            self._write("\r\x1b[K", ending="")

    def _show(self, done: int) -> None:
        line = f"{self._name}: {done:,} of {self._whole:,}"
        if self._rewrites:
            self._write(f"\r{line}", ending="")
        elif time.monotonic() - self._shown_at >= _LINE_SECONDS:
            self._shown_at = time.monotonic()
            self._write(line)


def _hybrid_of(results: dict[str, Values]) -> str:
    """Return which of the saved results to compare: that of the default way to search, or the only one."""
    return next((name for name in results if name.endswith(": hybrid")), next(iter(results)))
