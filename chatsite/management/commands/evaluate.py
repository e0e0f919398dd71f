"""`manage.py evaluate`: how well searches find and answers quote, on questions whose answers are known."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatsite.evaluation import EvaluatedSite, saved_questions
from retrieval.errors import RetrievalError
from retrieval.evaluation import report
from retrieval.evaluation.located import Located, locate
from retrieval.evaluation.questions import QuestionSet
from retrieval.evaluation.requirements import parse_requirement, shortfalls
from retrieval.evaluation.run import METHODS, SHOWN, Values, ask, parse_method
from retrieval.evaluation.sets import read_set
from retrieval.evaluation.site import fill, folder_name, is_held
from retrieval.evaluation.variants import AS_ASKED, FAMILIES, Background, evenly, variants_of

_LINE_SECONDS = 10  # between two lines of progress in a log
_ALL = "all"


class Command(BaseCommand):
    help = (
        "Measure searches, and the sentences that answer, on a BEIR folder, SQuAD's JSON, or a csv of questions and "
        "the quotes that answer them. Exit status 1: a figure fell short."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, nargs="?", help="The folder, the JSON or the csv.")
        parser.add_argument("--saved", action="store_true", help="Ask the questions that staff have saved, instead.")
        parser.add_argument(
            "--compare",
            nargs=2,
            metavar="METHOD",
            help="Two ways to search, like neighbours=0 and neighbours=1, or two files made by --save: are they "
            "different, or is it chance?",
        )
        parser.add_argument("--save", type=Path, metavar="FILE", help="Keep each question's figures as JSON.")
        parser.add_argument("--questions", type=int, metavar="N", help="Ask only every so many-th, N in all.")
        parser.add_argument(
            "--variants",
            nargs="+",
            choices=[_ALL, *FAMILIES],
            metavar="KIND",
            help=f"Ask harder questions made of the set's own as well: {', '.join(FAMILIES)}, or all.",
        )
        parser.add_argument("--elsewhere", type=Path, metavar="PATH", help="Another set: its questions are off-topic.")
        parser.add_argument("--quotes", action="store_true", help="Measure the sentences that answer as well.")
        parser.add_argument(
            "--fail-under",
            nargs="+",
            metavar="FIGURE=LEAST",
            help="End with status 1 when one falls short: recall@5=90 answered=95 typos-20:answered=90.",
        )
        parser.add_argument("--here", action="store_true", help="Use this site's own database and index, as it is.")

    def handle(self, *args: Any, path: Path | None, saved: bool, **options: Any) -> None:
        if (path is None) != saved:
            raise CommandError("Name a set, or ask the questions that staff have saved with --saved.")
        if options["compare"] and len(set(options["compare"])) < 2:
            raise CommandError("--compare wants two different ones.")
        try:
            found = read_set(path) if path else saved_questions()
            self._evaluate(path or Path(), found, options)
        except RetrievalError as error:
            raise CommandError(str(error)) from error

    def _evaluate(self, path: Path, found: QuestionSet, options: dict[str, Any]) -> None:
        requirements = [parse_requirement(text) for text in options["fail_under"] or []]
        saved = [Path(name) for name in options["compare"] or [] if name.endswith(".json")]
        if found.sources and not options["here"] and len(saved) < 2:
            self._ask_elsewhere(path, found, options)
            return
        kinds = f"{len(found.questions):,} questions, {len(found.sources) or 'this site’s'} documents."
        about = f"{found.name}: {kinds} Percent, with 95 % intervals; lengths in characters.\n\n"
        if len(saved) == 2:
            pairs = report.load_pairs(*saved)
            self.stdout.write(about + "\n\n".join(map(report.comparison, pairs)))
            return
        varied = bool(options["variants"] or options["quotes"] or requirements)
        if varied and options["compare"]:
            raise CommandError(
                "Variants, quotes and least figures are of the site's own way to search: without --compare."
            )
        questions = self._located(found)
        results = self._of_variants(questions, options) if varied else self._of_methods(questions, options)
        if options["save"]:
            report.save(options["save"], name=found.name, results=results)
        laid_out = report.variants_table if varied else report.comparison if options["compare"] else report.table
        self.stdout.write(about + laid_out(results))
        if short := shortfalls(requirements, results):
            raise CommandError("\n".join(short))

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
        for name in ("save", "questions", "elsewhere"):
            again += [f"--{name}", str(options[name])] if options[name] else []
        for name in ("compare", "variants", "fail_under"):
            again += [f"--{name.replace('_', '-')}", *options[name]] if options[name] else []
        again += ["--quotes"] if options["quotes"] else []
        command = ["env", *place, sys.executable, str(settings.BASE_DIR / "manage.py"), "evaluate", *again]
        self.stdout.flush()
        os.execvp(command[0], command)  # noqa: S606 - this very command

    def _located(self, found: QuestionSet) -> list[Located]:
        """Return the questions with their places in this site, which first takes in the set's documents."""
        documents: dict[str, int] = {}
        if found.sources:
            call_command("migrate", interactive=False, verbosity=0)
            with self._progress("documents", len(found.sources)) as report_done:
                documents = fill(found.sources, report=report_done)
            if left := len(found.sources) - len(documents):
                self.stderr.write(f"Of {len(found.sources):,} documents {left:,} hold no text that can be read.")
        return locate(found.questions, documents=documents)

    def _of_methods(self, questions: list[Located], options: dict[str, Any]) -> dict[str, Values]:
        """Return what each way of searching finds."""
        asked = evenly(questions, options["questions"] or len(questions))
        methods = {text: parse_method(text) for text in options["compare"] or []} or METHODS
        results = {}
        for name, method in methods.items():
            with self._progress(name, len(asked)) as report_done:
                results[name] = ask(asked, site=EvaluatedSite.of_everybody(), method=method, report=report_done)
        return results

    def _of_variants(self, questions: list[Located], options: dict[str, Any]) -> dict[str, Values]:
        """Return what the site itself finds and answers, for the questions as they are and each variant of them."""
        families = FAMILIES if _ALL in (options["variants"] or []) else options["variants"] or []
        elsewhere = (
            [question.text for question in read_set(options["elsewhere"]).questions] if options["elsewhere"] else []
        )
        background = Background(is_held, elsewhere)
        most, results = options["questions"] or len(questions), {}
        for name, asked in variants_of(questions, families, most=most, background=background):
            with self._progress(name, len(asked)) as report_done:
                results[name] = ask(
                    asked,
                    site=EvaluatedSite.of_everybody(),
                    method=None,
                    report=report_done,
                    cutoffs=[SHOWN],
                    quotes=options["quotes"] and name == AS_ASKED,
                )
        return results

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
