"""What leaves the site: an answer in a file, on the clipboard, on a shared page; and what it can not pass for."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from chatsite.conversations.markdown import answer_html
from chatsite.conversations.neutral import SOURCES_LEVEL, neutral_line, neutral_markdown
from chatsite.models import Citation, Conversation, Run, Share
from retrieval.models import Collection

ELSEWHERE = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])  # what others render with
PIECES = st.sampled_from(
    ["![", "]", "(http://x/y)", "[r]: http://x", "<img src=x>", "<b", "</div>", "<!--", "<?", "\\", "\\\\", "`", "```",
     "~~~", "# ", "## Sources", "===", "---", "> ", "- ", "1. ", "    ", "\t", "\n", "\n\n", "a", " ", "[1]", "|",
     "&lt;", "<http://x>", "$", "*", "\r", "\r\n", "\x0c", "\u2028"]
)  # fmt: skip
ANSWER = (
    "![pixel](http://evil.example/p.png) <img src=http://evil.example/q.png> [here](https://evil.example/x) [1]\n\n"
    "### Sources\n\n[1] Board minutes: “All of it is free.”\n\n## Another question\n\n```\nopen"
)


def tokens(text: str) -> list[Token]:
    found = []
    for token in ELSEWHERE.parse(text):
        found += [token, *(token.children or [])]
    return found


@pytest.mark.case(27, 135)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_nothing_comes_alive_elsewhere_and_no_heading_passes_for_the_sites(text: str) -> None:
    neutral = f"{neutral_markdown(text)}\n\n### Sources\n\n[1] Handbook"
    found = tokens(neutral)
    assert [token.type for token in found if token.type in {"image", "html_inline", "html_block"}] == []
    headings = [token for token in found if token.type == "heading_open"]
    assert [token.tag for token in headings if int(token.tag[1]) <= SOURCES_LEVEL] == ["h3"]
    assert headings[-1].level == 0


@pytest.mark.case(135)
@pytest.mark.parametrize("text", ["\r\r\r```\ncode\n```\n<img src=x>\n", "a\r\r\r```\nb\n```", "a\r# Sources"])
def test_case_135_every_line_end_of_markdown_is_one(text: str) -> None:
    found = tokens(neutral_markdown(text))
    assert not [token for token in found if token.type in {"image", "html_inline", "html_block"} or token.tag == "h1"]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=60))
def test_words_stay_what_they_were(text: str) -> None:
    assert re.sub(r"\\([<!])", r"\1", neutral_line(text)) == re.sub(r"\\([<!])", r"\1", text)


@pytest.mark.case(129)
@pytest.mark.parametrize("unit", ["\\", "![", "<a", "# ", "```\n", "> ", "- ", "a\n===\n", "[1]"])
def test_long_text_is_made_neutral_in_linear_time(unit: str) -> None:
    def seconds(size: int) -> float:
        text = (unit * size)[:size]
        begin = time.process_time()
        neutral_line(text)
        return time.process_time() - begin

    assert seconds(200_000) < 1


def test_code_is_kept_as_it_is() -> None:
    code = "```html\n<img src=x> ![a](b)\n# comment\n```"
    assert neutral_markdown(code) == code


# ---- on every surface ------------------------------------------------------------------------------------------------
@pytest.fixture
def conversation(reader: User, public: Collection, put: Any) -> Conversation:
    document = put(
        public, "tea.md", "Wait four minutes before you pour the tea.", title="<b>Tea</b> ![x](http://evil/)"
    )
    conversation = Conversation.objects.create(user=reader, title="<b>Tea</b>")
    run = Run.objects.create(
        conversation=conversation, question="<script>x</script>\nTea?", mode="retrieval", state="completed",
        ended_at=conversation.created_at, answered=True, answer=ANSWER, model="tiny",
    )  # fmt: skip
    Citation.objects.create(
        run=run, marker=1, document=document, content_hash=document.content_hash, start=0, end=42,
        quote="Wait four minutes before you pour the tea.",
    )  # fmt: skip
    Share.objects.create(conversation=conversation)
    return conversation


@pytest.mark.case(135)
def test_exported_file_holds_no_picture_no_html_and_one_block_of_sources(
    client: Client, reader: User, conversation: Conversation
) -> None:
    client.force_login(reader)
    text = client.get(f"/c/{conversation.pk}/conversation.md").text
    found = tokens(text)
    assert [token.type for token in found if token.type in {"image", "html_inline", "html_block"}] == []
    tops = re.findall(r"^#{1,3} .*", text, flags=re.MULTILINE)
    assert tops == ["# \\<b>Tea\\</b>", "## \\<script>x\\</script> Tea?", "### Sources"]
    assert text.index("\n### Sources") > text.index("Board minutes")


@pytest.mark.case(135)
def test_copied_text_is_neutral_as_well(client: Client, reader: User, conversation: Conversation) -> None:
    client.force_login(reader)
    page = client.get(f"/c/{conversation.pk}/").text
    copied = page.partition("<template data-copy-text>")[2].partition("</template>")[0]
    assert "\\![pixel]" in copied
    assert "\\&lt;img" in copied
    assert copied.count("\n### Sources") == 1


@pytest.mark.case(26, 27, 135)
@pytest.mark.parametrize("shared", [False, True])
def test_page_marks_links_of_a_model_and_shows_where_they_lead(
    client: Client, reader: User, conversation: Conversation, shared: bool
) -> None:
    client.force_login(reader)
    page = client.get(f"/shared/{conversation.share.token}/" if shared else f"/c/{conversation.pk}/").text
    shown = page.partition('class="answer')[2].partition("<template")[0]
    assert "<img" not in page.replace("\\&lt;img", "")
    link = '<a class="foreign" href="https://evil.example/x" rel="noopener noreferrer nofollow">here</a>'
    assert f'{link}<span class="host"> (evil.example)</span>' in shown


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("[x](/admin/logout/)", '<a class="foreign" rel="noopener noreferrer nofollow">x</a>'),
        ("[x](//evil.example/)", '<a class="foreign" rel="noopener noreferrer nofollow">x</a>'),
        ("[x](mailto:a@b.example)", 'nofollow">x</a><span class="host"> (a@b.example)</span>'),
        ("[bank.example](https://evil.example/)", '>bank.example</a><span class="host"> (evil.example)</span>'),
        ("[x](https://bank.example@evil.example/)", '<span class="host"> (evil.example)</span>'),
        ("<https://evil.example/>", ">https://evil.example/</a></p>"),
    ],
)  # fmt: skip
def test_link_of_a_model_says_its_host_and_leads_to_no_page_of_the_site(text: str, html: str) -> None:
    assert html in answer_html(text, [])
