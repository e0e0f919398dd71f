"""What leads around a site is left out of whole pages and noted; nothing of the content, and nothing of small pages."""

from __future__ import annotations

import pytest

from tests.retrieval.parsing.formats.reading import noted, read

CONTENT = (
    "<h1>Price list</h1>"
    "<p>The fee is 5 euros a night for members of the club, and 9 euros for guests of members.</p>"
    "<ul><li>Towels are free.</ul><aside>The pool closes at 8.</aside>"
    "<p>Bring your own lock for the lockers, please.</p>"
)
AROUND = (
    '<header><a href="/">Home</a> <a href="/shop">Shop</a></header>'
    '<div id="cookie-banner">We use cookies. <button>No</button> Accept all?</div>'
    '<div class="main-menu"><a href="1">Products</a><a href="2">Prices</a></div>'
    "{}"
    '<aside class="sidebar"><a href="4">Other article</a></aside>'
    '<footer>© Example Ltd. <a href="5">Imprint</a></footer>'
)


def site(content: str) -> str:
    return f'<html><head><link rel="stylesheet" href="x.css"></head><body>{AROUND.format(content)}</body></html>'


@pytest.mark.parametrize("holder", ["main", "article", "div", 'div id="content"', 'div role="main"'])
def test_whole_page_is_its_content(holder: str) -> None:
    extracted = read("a.html", site(f"<{holder}>{CONTENT}</{holder.split()[0]}>"))
    assert extracted.text == (
        "Price list\n\nThe fee is 5 euros a night for members of the club, and 9 euros for guests of members.\n\n"
        "- Towels are free.\n\nThe pool closes at 8.\n\nBring your own lock for the lockers, please."
    )
    assert noted(extracted) == {"page_furniture": 5}


@pytest.mark.parametrize(
    "body",
    [
        "<p>The fee is 5 euros.</p><footer>Call 555.</footer><aside>Closed in May.</aside>",
        '<header>Call 555.</header><p>Closed in May.</p><div class="footer">The fee is 5 euros.</div>',
    ],
)
def test_small_page_keeps_all(body: str) -> None:
    extracted = read("a.html", body)
    assert all(said in extracted.text for said in ("The fee is 5 euros.", "Call 555.", "Closed in May."))
    assert noted(extracted) == {}


def test_policy_on_cookies_is_content() -> None:
    policy = f"<div class='cookie-policy'><h1>Cookies</h1><p>{'You may accept or reject cookies here. ' * 10}</p></div>"
    assert "You may accept" in read("a.html", site(policy)).text


def test_page_that_is_mostly_furniture_keeps_it() -> None:
    extracted = read("a.html", site("<p>Hi.</p>"))
    assert "Imprint" in extracted.text


def test_navigation_is_noted() -> None:
    assert noted(read("a.html", "<nav>Home</nav><p>Text.</p>")) == {"page_furniture": 1}
