"""Questions with known answers, made of what lies on most computers: Python's sources and the system's manual pages."""

from __future__ import annotations

import ast
import gzip
import json
import re
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import django

from retrieval.evaluation.files import text_of
from retrieval.evaluation.questions import JudgedQuestion, QuestionSet, Quote, SourceText
from retrieval.evaluation.sets import read_set

MANUALS = Path("/usr/share/man")
PAGES, FUNCTIONS, MODULES = 400, 300, 120  # at most
T = TypeVar("T")

_NAME = re.compile(r"^\.S[Hh] .*\n(.+?)\s+(?:\\-|\\\(em|--?|–|—)\s+(.+)$", re.MULTILINE)
_SENTENCE = re.compile(r"[^.]{25,160}\.")


def question_set(name: str) -> QuestionSet:
    """`python`; `manual-` and a language; a file in the form of SQuAD 2.0, or two of the same questions in two
    languages, as `questions@documents`; else a path, as `manage.py evaluate` takes it. Raises EvaluationSetError."""
    if is_squad(name):
        return _squad(name)
    if name == "python":
        return _python()
    if name.startswith("manual-"):
        return _manual(name, language=name.removeprefix("manual-"))
    return read_set(Path(name))


def messages(language: str) -> list[str]:
    """Django's own messages of five words or more: sentences in that language about something else."""
    folder = Path(django.__file__).parent / "conf" / "locale" / language / "LC_MESSAGES"
    rows = re.findall(r'^msgstr (".*"(?:\n".*")*)', (folder / "django.po").read_text(), re.MULTILINE)
    texts = ["".join(re.findall(r'"(.*)"', row)) for row in rows]
    return [text for text in texts if len(text.split()) >= 5 and not {"%", "\\"} & {*text}]


def is_squad(name: str) -> bool:
    return name.endswith((".json", ".json.gz"))


def left_out(name: str) -> list[str]:
    """The questions about the articles that aren't among the documents of a set in the form of SQuAD."""
    asked = _articles(name.partition("@")[0])[1::2]
    return [question["question"] for _, paragraph in _paragraphs(asked) for question in paragraph["qas"]]


def _squad(name: str) -> QuestionSet:
    """Each paragraph of every second article is a document, of its title."""
    asked, _, read = name.partition("@")
    sources = tuple(
        SourceText(str(number), title, "a.txt", paragraph["context"])
        for number, (title, paragraph) in enumerate(_paragraphs(_articles(read or asked)[::2]))
    )
    questions = tuple(
        JudgedQuestion(question["question"], relevant={str(number): 1} if question["answers"] else {})
        for number, (_, paragraph) in enumerate(_paragraphs(_articles(asked)[::2]))
        for question in paragraph["qas"]
    )
    return QuestionSet(
        " about ".join(Path(part).name.partition(".json")[0] for part in name.split("@")), sources, questions
    )


def _articles(path: str) -> list[dict[str, Any]]:
    articles: list[dict[str, Any]] = json.loads(text_of(Path(path)))["data"]
    return articles


def _paragraphs(articles: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for article in articles:
        for paragraph in article["paragraphs"]:
            yield article["title"].replace("_", " "), paragraph


def _python() -> QuestionSet:
    """The first sentences of functions' docstrings, and the modules that they were taken out of."""
    root = Path(sysconfig.get_path("stdlib"))
    files = [path for path in sorted(root.rglob("*.py")) if not {"test", "tests", "site-packages"} & {*path.parts}]
    sources, questions = [], []
    for path in _evenly([path for path in files if path.stat().st_size < 100_000], MODULES):
        key, text, found = path.relative_to(root).as_posix(), path.read_text(errors="replace"), []
        for sentence, body in _documented(text):
            if text.count(sentence) == 1:
                text = text.replace(sentence, "")
                found.append(JudgedQuestion(" ".join(sentence.split()), quotes=(Quote(key, text=body),)))
        sources.append(SourceText(key, key, f"{path.stem}.txt", text))
        questions += [question for question in found if question.quotes[0].text in text]
    return QuestionSet("python", tuple(sources), tuple(_evenly(questions, FUNCTIONS)))


def _documented(text: str) -> Iterator[tuple[str, str]]:
    """The first sentence about each function that has three statements or more, and what follows its docstring."""
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.FunctionDef) and len(function.body) > 3 and (about := ast.get_docstring(function)):
            sentence = _SENTENCE.match(about)
            body = ast.get_source_segment(text, function.body[1])
            if sentence and body and text.count(body) == 1:
                yield sentence[0], body


def _manual(name: str, *, language: str) -> QuestionSet:
    """The one-line descriptions of manual pages, and the pages that they were taken out of."""
    folder = MANUALS if language == "en" else MANUALS / language
    files = [path for section in "1578" for path in sorted((folder / f"man{section}").glob("*.gz"))]
    files = [path for path in files if path.stat().st_size > 1_000 and not path.is_symlink()]
    families = {re.split(r"[-_.]", path.name)[0]: path for path in files}  # one page of each: some have thousands
    sources, questions = [], []
    for path in _evenly([*families.values()], PAGES):
        page = _decoded(gzip.decompress(path.read_bytes()))
        if said := _NAME.search(page):
            key, asked = path.name.removesuffix(".gz"), _plain(said[2]).strip()
            rest = _plain(page[: said.start()] + page[said.end() :])
            if len(asked) > 25 and len(rest) > 500:
                sources.append(SourceText(key, key.partition(".")[0], f"{key}.txt", rest))
                questions.append(JudgedQuestion(asked, relevant={key: 1}))
    return QuestionSet(name, tuple(sources), tuple(_evenly(questions, FUNCTIONS)))


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _plain(page: str) -> str:
    """A page's text without what sets it."""
    text = re.sub(r"""^['.]\\".*$|^\.(?:de|ds|if|ie|el|nr|TH)\b.*$""", "", page, flags=re.MULTILINE)
    text = re.sub(r"^[.'][A-Za-z]+ ?", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\f(?:\[\w*\]|\(\w\w|\w)|\\[&/%,|]|\\s[-+]?\d", "", text)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"\\\((?:em|en|hy)|\\-", "-", text).replace("\\(aq", "'"))


def _evenly(rows: Sequence[T], most: int) -> Sequence[T]:
    return rows[:: -(-len(rows) // most) or 1]
