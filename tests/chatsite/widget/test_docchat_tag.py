"""`{% docchat %}`: what stands in a page, and what it says of a wrong option."""

from __future__ import annotations

from typing import Any

import pytest
from django.template import Context, Template, TemplateSyntaxError


def rendered(options: str = "") -> str:
    return Template(f"{{% load docchat %}}{{% docchat {options} %}}").render(Context())


def test_tag_is_one_script_without_a_key() -> None:
    tag = rendered('title="Ask <us>" accent="#7a1f3d" collections="handbook rules"')
    assert tag.startswith('<script src="/static/chatsite/widget.js" async ')
    assert tag.endswith("></script>")
    assert 'data-docchat="/embed/?title=Ask+%3Cus%3E&amp;accent=%237a1f3d&amp;collections=handbook+rules"' in tag
    assert 'data-title="Ask &lt;us&gt;"' in tag
    assert "token" not in tag


def test_setting_gives_what_the_tag_leaves_out(settings: Any) -> None:
    settings.DOCCHAT = {"title": "Of the project", "side": "start"}
    assert 'data-title="Of the project"' in rendered()
    assert 'data-side="start"' in rendered('title="Of the page"')
    assert 'data-title="Of the page"' in rendered('title="Of the page"')


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ('accent="red"', "write it like #0b6a58"),
        ('side="left"', "write start or end"),
        ('shortcut="no"', "write on or off"),
        ('colour="#000000"', "docchat has no option colour; it takes title, accent"),
    ],
)
def test_wrong_option_is_named_with_the_fix(options: str, fault: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=fault):
        rendered(options)
