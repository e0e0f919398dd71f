"""Words of readers and documents in a Markdown file."""

from django import template

from chatsite.conversations.neutral import neutral_line

register = template.Library()


@register.filter
def neutral(text: str) -> str:
    """Return the words on one line, without pictures and HTML."""
    return neutral_line(" ".join(str(text).split()))


@register.filter
def neutral_lines(text: str) -> str:
    """Return the lines with breaks that are said in HTML, the only HTML among them."""
    return "<br>".join(neutral_line(line) for line in str(text).splitlines())
