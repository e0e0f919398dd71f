"""An answer as the page is sent it: whatever it is cut into, what stands there at its end is the server's rendering."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from django.utils.html import escape
from django.utils.translation import gettext, override

from chatsite.answering.sight import CitationView
from chatsite.answering.telling import Event
from chatsite.conversations import open_blocks
from chatsite.conversations.live_html import LiveHtml, Rendered
from chatsite.conversations.markdown import answer_html

PLACE = "/documents/7/?start=1&end=9#quote"
DONE = Event("done", {})
ANSWERS = {
    "paragraphs": "Set **`QDRANT_URL`** [1] to\nits address.\n\n\nAnother *one* [1].\n\nA last one",
    "headings": "# One\ntext\n## Two ##\n\nThree\n===\nFour\n---\n\n***\n\n#no heading\n- - -\n",
    "tight list": "Do this:\n- one [1]\n- **two**\n  - inner\n    - inmost\n- three\n\nAfter it.",
    "loose list": "1. one [1]\n\n2. two\n\n   more of it\n\n3. three",
    "list that becomes loose": "- one [1]\n- two [1]\n- three\n\n- four [1]\n- five\n\ntext",
    "list that becomes loose inside": "- one\n- two\n\n  more\n- three",
    "two lists": "- one\n* two\n1. three\n7) four\n8) five\n",
    "list that begins late": "7. seven\n8. eight\n\n   ```\n   a\n\n   b\n   ```\n9. nine",
    "indented items": " - one\n  - two\n   - three\n    - four\n- five",
    "no item": "text\n2. two\n- \n-\n+ x",
    "item with a table": "- a\n- b | c\n  --|--\n  1 | 2\n- d",
    "list then text": "- one\nlazy\n\ntext\n    still text\n\n    code\n\n    more code\ntext",
    "table": "So:\n\n| a | b |\n|:--|--:|\n| 1 [1] | two<br>lines `<br>` |\n| 3 |\n| | \\| |\n\nAfter [1]",
    "table in a paragraph": "Text\na | b\n--|--\n1 | 2\n> quote",
    "table without rows": "| a |\n|---|\n",
    "no table": "| a | b |\n| no | table |\n\n|\n",
    "quotation": "> one\n> - two\nlazy\n\n> another\n> > inner\n# end",
    "code": "So:\n```py\nx = a[1]  # <b>\n\n\n  y = '''\n'''\n``\n```\nText [1]\n~~~\n```\n~~~ \n```\n```",
    "code that stays open": "```\nx\n\n   \n",
    "code that opens alone": "```",
    "code that closes at the end": "````md\n```\ncode\n```\n````",
    "indented fence": "  ```\n  x\n\n  - y\n  ```\n\n- z\n",
    "formula": "So\n$$\na\n- b\n+ c\n===\n$$\nand $x_1$ [1]\n\n\\[\nx\n\\]\n- one $a$\n$$\n- two\n$$\n- three",
    "formula that stays open": "$$\n- a\n- b\n\n- c\n\n\\[\nx",
    "definition": "[a]: https://example.org 'Title'\n\nSee [a].\n\n- [a]\n- two\n\n[b]: https://example.net\n\n[b] [a]",
    "returns": "one\r\ntwo\r\r\n- a\r- b\r\n\r\nthree\r",
    "odd characters": "a\u00a0b\x0bc\x0cd\x85e\u2028f\0g\n\n```\n\u00a0<&>\"'\x0b\0\n```",
    "cjk": "**注意：**请\n\n- **甲：**乙\n- `丙`\n",
    "numbers": "2024\n\n2024. was\n\n100,000 were. 3\n4",
    "marks alone": "-\n\n=\n\n*\n\n|\n\n:\n",
    "hostile": "<img src=x onerror=alert(1)>\n\n[x](javascript:alert(1))\n\n- <script>alert(1)</script>\n- ![x](https://e.org/x)\n",
    "white space": "   \n\n  - a\n  - b  \n\n  \n",
    "nothing": " \n",
}


def events(pieces: Iterable[str]) -> Iterator[Event]:
    """The events of an answer that comes in `pieces`, each marker with the citation behind it."""
    whole = "".join(pieces)
    cut = {0, len(whole)}
    at = 0
    for piece in pieces:
        cut.add(at := at + len(piece))
    cited = {m.end() for m in re.finditer(r"(?<!a)\[1\]", whole)}
    edges = sorted(cut | cited)
    for start, end in pairwise(edges):
        yield Event("text", {"text": whole[start:end]})
        if end in cited:
            yield Event("citation", {"marker": 1, "source": 0, "quote": "Wait.", "url": PLACE, "title": "Tea"})
    yield Event("done", {"answer": whole})


class Page:
    """What the page shows: a model in text of what answer.js does with elements."""

    def __init__(self) -> None:
        self.finished = ""
        self.open = ""
        self.depth = 0

    def take(self, event: Event) -> None:
        body = event.body
        if event.name == "open":
            assert not self.open
            self.open, self.depth = body["html"], body["depth"]
        elif event.name == "text":
            self._grow(escape(body["text"]).replace("&quot;", '"').replace("&#x27;", "'").replace("\u00a0", "&nbsp;"))
        elif event.name == "citation":
            self._grow(body["html"])
        elif event.name == "kept":
            self.finished, self.open = inserted(self.finished, self.open, self.depth), ""
        elif event.name == "html":
            self.open = ""
            if body.get("again"):
                self.finished = self.finished[: last_block(self.finished)]
            self.finished = inserted(self.finished, body["html"], body["depth"])

    def _grow(self, html: str) -> None:
        assert self.open
        at = re.search(r"(?:</\w+>)+\n?\Z", self.open)
        assert at
        self.open = self.open[: at.start()] + html + self.open[at.start() :]

    @property
    def shown(self) -> str:
        return inserted(self.finished, self.open, self.depth)


def inserted(html: str, more: str, depth: int) -> str:
    """`html` with `more` at its end, `depth` last elements deep."""
    at = len(html)
    for _ in range(depth):
        at = html.rindex("</", 0, at)
    return html[:at] + more + html[at:]


def last_block(html: str) -> int:
    """Where the last list begins that stands in nothing else."""
    depth = 0
    for tag in reversed(list(re.finditer(r"<(/?)[uo]l\b[^>]*>", html))):
        depth += 1 if tag[1] else -1
        if depth == 0:
            return tag.start()
    raise AssertionError(html)


def played(pieces: list[str]) -> Page:
    page, live = Page(), LiveHtml("en")
    for event in events(pieces):
        for sent in live.render(event):
            page.take(sent)
    assert not page.open
    return page


def rendered(text: str) -> str:
    citations = [CitationView(1, "Tea", None, "Wait.", PLACE) for _ in re.findall(r"(?<!a)\[1\]", text)]
    return answer_html(text.strip(), citations, marks_uncited=True)


@pytest.mark.parametrize("text", ANSWERS.values(), ids=ANSWERS.keys())
def test_answer_is_the_servers_rendering_in_whatever_pieces_it_comes(text: str) -> None:
    wanted = rendered(text)
    for size in (1, 2, 3, 5, 8, 13, 50, len(text) or 1):
        assert played([text[at : at + size] for at in range(0, len(text), size)]).finished == wanted, size


@pytest.mark.parametrize("text", ANSWERS.values(), ids=ANSWERS.keys())
def test_answer_that_is_cut_short_anywhere_is_the_servers_rendering(text: str) -> None:
    for end in range(len(text)):
        short = text[:end]
        assert played(list(short)).finished == rendered(short), short


LONG = {
    "one line": "some words of a long line " * 400,
    "paragraph of many lines": "some words of a long paragraph\n" * 350,
    "paragraph of lines that look like items": "text\n" + "2. no item\n" * 900,
    "list": "- an item with **bold** words\n" * 350,
    "loose list": "- an item\n\n" * 900,
    "list that becomes loose": "- an item\n" * 900 + "\n- another\n" + "- an item\n" * 50,
    "one item": "- item\n" + "  - inner **bold**\n" * 550,
    "table": "| a | b |\n|---|---|\n" + "| one | two |\n" * 700,
    "wide table": f"|{'a|' * 250}\n|{'-|' * 250}\n" + "| one |\n" * 20,
    "quotation": "> some words\n" * 750,
    "quotation with paragraphs": "> some words\n>\n" * 650,
    "code": "```\n" + "x = '<b>'\n" * 1000,
    "indented code": "    x\n\n" * 1400,
    "backticks": "```\n" + "`" * 10000,
    "dashes": "-" * 10000,
    "blank lines": "x\n" + "\n" * 5000 + " " * 5000 + "y",
    "open formula": "$$\n" + "- x\n" * 2500,
    "link definitions": "[a]: /b\n" * 150,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
def test_work_grows_with_the_text_alone(text: str) -> None:
    """The parser reads each character a few times at most, and each is sent a few times, however it comes."""
    whole = len(rendered(text))
    for size in (7, 1_000):
        live, sent = LiveHtml("en"), 0
        for event in [*(Event("text", {"text": text[at : at + size]}) for at in range(0, len(text), size)), DONE]:
            before = live.blocks.read
            sent += sum(len(str(told.body.get("html", ""))) for told in live.render(event))
        assert before <= (open_blocks.BUDGET + 1) * len(text) + open_blocks.ADVANCE
        assert live.blocks.read - before <= len(text) + 100
        assert sent <= 4 * whole + 1_000


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>\n\n- <img src=x onerror=alert(1)>\n- two\n\n| <svg onload=x> |\n|---|\n| <b>\n",
        "[x](javascript:alert(1)) <javascript:alert(1)>\n\n[y]: javascript:alert(1)\n\n[y] <a href='javascript:x'>",
        "# <script>alert(1)</script>\n\n> <style>*{}</style>\n\n1. <iframe src=x>\n\n```<i>\n</code><script>\n```\n",
        '[x](https://e.org "onmouseover=alert(1)") ![x](https://e.org/x.png)\n\n[1]<img onerror=x [1]',
    ],
)
def test_nothing_unsafe_is_sent_at_any_moment(text: str) -> None:
    allowed = re.compile(
        r'<a(?: title="[^"]*")? class="foreign" href="https://e\.org[^"]*" rel="noopener noreferrer nofollow">'
        r'|<span class="host">'
        r'|<a class="citation" href="/documents/[^"]*" data-citation[^<>]*>'
        r'|<(?:p|li|h1|blockquote)(?: class="unfinished")?>'
        r'|<span class="uncited" title="No passage is cited for this\.">'
        r"|</span>|</?(?:p|h1|ul|ol|li|a|table|thead|tbody|tr|th|td|code|pre|blockquote)>"
    )
    for size in range(1, 30):
        live = LiveHtml("en")
        for event in events([text[at : at + size] for at in range(0, len(text), size)]):
            for sent in live.render(event):
                html = sent.body.get("html", "")
                assert "<" not in allowed.sub("", html), html


def test_open_text_comes_in_new_pieces_alone_its_markers_as_links() -> None:
    live = LiveHtml("en")
    pieces = ["- **Wait", "**", " four ", "minutes", " [1]", ". Then", " "]
    sent = [event for each in events(pieces) for event in live.render(each) if each.name != "done"]
    assert sent[0] == Event("open", {"html": '<ul><li class="unfinished"></li></ul>', "depth": 0})
    assert [event.body["text"] for event in sent if event.name == "text"] == [
        "**Wait", "**", " four", " minutes", " ", ". Then"
    ]  # fmt: skip
    chips = [event.body["html"] for event in sent if event.name == "citation"]
    assert chips == [
        '<a class="citation" href="/documents/7/?start=1&amp;end=9#quote" data-citation data-marker="1" '
        'title="Wait." aria-label="Citation 1: Tea">1</a>'
    ]


def test_first_words_are_sent_at_once_also_when_they_are_numbers() -> None:
    live = LiveHtml("en")
    sent = [event for each in events(["2024 ", "1999 ", "1.5"]) for event in live.render(each) if each.name != "done"]
    assert [event.body["text"] for event in sent if event.name == "text"] == ["2024", " 1999", " 1.5"]


def test_list_is_sent_item_by_item_and_a_table_row_by_row() -> None:
    live = LiveHtml("en")
    text = "- one\n- two\n- three\n\n| a |\n|---|\n| 1 |\n| 2 |\n"
    sent = [event for each in events(list(text)) for event in live.render(each) if event.name == "html"]
    assert [(event.body["html"], event.body["depth"]) for event in sent] == [
        ("<ul>\n<li>one</li>\n</ul>\n", 0),
        ("<li>two</li>\n", 1),
        ("<li>three</li>\n", 1),
        ("<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n</table>\n", 0),
        ("<tbody>\n<tr>\n<td>1</td>\n</tr>\n</tbody>\n", 1),
        ("<tr>\n<td>2</td>\n</tr>\n", 2),
    ]


def test_blocks_that_come_at_once_are_sent_as_one() -> None:
    live = LiveHtml("en")
    text = "# A\n\n- one\n- two\n- three\n- fo"
    assert list(live.render(Event("text", {"text": text}))) == [
        Event("html", {"html": "<h1>A</h1>\n<ul>\n<li>one</li>\n</ul>\n", "depth": 0}),
        Event("html", {"html": "<li>two</li>\n<li>three</li>\n", "depth": 1}),
        Event("open", {"html": '<li class="unfinished"></li>', "depth": 1}),
        Event("text", {"text": "fo"}),
    ]


def test_list_comes_again_when_a_blank_line_makes_paragraphs_of_its_items() -> None:
    live = LiveHtml("en")
    sent = [event for each in events(["- one [1]\n- two\n- th", "ree\n\n- fo", "ur"]) for event in live.render(each)]
    again = [event.body for event in sent if "again" in event.body]
    assert len(again) == 1
    assert again[0]["html"].startswith('<ul>\n<li>\n<p>one <a class="citation"')
    assert again[0]["html"].endswith("<p>three</p>\n</li>\n</ul>\n")


def test_link_that_is_defined_later_stays_text() -> None:
    """The server's last rendering, which takes the place of what was sent, knows it."""
    assert played(["See [a].\n\nMore.\n\n[a]: https://example.org"]).finished.startswith("<p>See [a].</p>")


def test_first_citation_is_what_the_answer_is_supported_by() -> None:
    for pieces in (["Wait", " [1]", " [1]"], ["| a |\n|---|\n| x [1] |\n| y [1] |\n"]):
        live = LiveHtml("en")
        names = [event.name for each in events(pieces) for event in live.render(each)]
        assert names.count("supported") == 1
        if "citation" in names:
            assert names.index("supported") < names.index("citation")


def test_answer_begins_anew_when_text_is_withdrawn() -> None:
    live, page = LiveHtml("en"), Page()
    before = [event for event in events(["```\nHm [1] "]) if event.name != "done"]
    for event in [*before, Event("withdrawn", {}), *events(["- two [1]", "\n\nEnd"])]:
        for sent in live.render(event):
            if sent.name == "withdrawn":
                page = Page()
            page.take(sent)
    assert page.finished == rendered("- two [1]\n\nEnd")


def test_sentences_quoted_meanwhile_lead_to_their_sources() -> None:
    live = LiveHtml("en")
    sources = [{"title": "Tea", "url": "/documents/7/?start=1&end=90#quote"}, {"title": "", "url": None}]
    quoted = Event("quoted", {"text": "Wait *four* minutes. [1]\n\nThen pour. [2] [3]"})
    told = [event for each in (Event("sources", {"sources": sources}), quoted) for event in live.render(each)]
    assert told == [
        Event(
            "quoted",
            {
                "html": "<p>Wait <em>four</em> minutes. "
                '<a class="citation" href="/documents/7/?start=1&amp;end=90#quote" data-citation="" data-marker="1" '
                'title="Wait *four* minutes." aria-label="Citation 1: Tea" '
                'rel="noopener noreferrer nofollow">1</a></p>\n<p>Then pour. '
                '<span class="citation" title="Then pour." data-marker="2" tabindex="0">2</span> '
                '<span class="citation" title="" data-marker="3" tabindex="0">3</span></p>\n'
            },
        )
    ]


@pytest.mark.parametrize("name", ["thinking", "queued", "waiting"])
def test_what_happens_before_the_first_word_is_passed_on(name: str) -> None:
    event = Event(name, {"text": "<b>", "place": 3, "seconds": 4})
    assert list(LiveHtml("en").render(event)) == [event]


def test_page_is_not_sent_what_it_does_not_need() -> None:
    live = LiveHtml("en")
    told = [Event("run", {"run_id": "1"}), Event("sources", {"sources": []}), Event("done", {"answer": "x"})]
    assert [event for each in told for event in live.render(each)] == [told[0], Event("done", {})]


class Told:
    """An answer that is there already."""

    run, whole, cancel, close = None, None, None, None

    def stream(self) -> Iterator[Event]:
        yield from events(["Wait [1]"])


def test_page_is_sent_its_own_language_whichever_thread_sends_it() -> None:
    with override("de"):
        answer = Rendered(Told())  # type: ignore[arg-type]
        wanted = escape(gettext("Citation %(marker)s: %(title)s") % {"marker": 1, "title": "Tea"})
    sent = [event.body["html"] for event in answer.stream() if event.name in ("citation", "html")]
    assert not wanted.startswith("Citation")
    assert all(f'aria-label="{wanted}"' in html for html in sent)
    assert len(sent) == 2


def test_answer_that_fails_is_rendered_as_far_as_it_came() -> None:
    live = LiveHtml("en")
    failed = Event("error", {"error": "model_failed"})
    sent = [event for each in (Event("text", {"text": "**Wai"}), failed) for event in live.render(each)]
    assert sent[-2:] == [Event("html", {"html": "<p>**Wai</p>\n", "depth": 0}), failed]
