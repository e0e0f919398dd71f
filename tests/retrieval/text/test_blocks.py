"""Where code stands in a text that was cut out of a longer one."""

from __future__ import annotations

import pytest

from retrieval.text.blocks import BlockKind, begins_in_code, blocks


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("total = 1\n]\n```\n\nThen migrate.\n\n```python\nrun()\n```\n", True),
        ("x = 1\n~~~", True),
        ("Run it:\n\n```\nrun()\n```\n\nIt hums.", False),
        ("Run it:\n```\nrun()\n```", False),
        ("```\nrun()\n```\n\nIt hums.", False),
        ("Run it:\n```sh\n\nrun()\n```", False),
        ("No code at all.", False),
    ],
)
def test_text_begins_inside_of_code(text: str, *, inside: bool) -> None:
    assert begins_in_code(text) is inside


def test_fences_are_read_the_other_way_round_inside_of_code() -> None:
    text = "x = 1\n```\n\nThen run:\n\n```\nrun()\n```"
    kinds = [block.kind for block in blocks(text, fenced=True)]
    fence, code = BlockKind.FENCE, BlockKind.CODE
    assert kinds == [code, fence, BlockKind.PARAGRAPH, fence, code, fence]
