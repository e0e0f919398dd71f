"""Subtitles: what a player shows stands in the text."""

from __future__ import annotations

from tests.retrieval.parsing.formats.reading import noted, read


def times(start: int, end: int, sign: str = ",") -> str:
    return f"00:00:0{start}{sign}000 --> 00:00:0{end}{sign}000"


def test_second_part_of_a_cue_behind_an_empty_line_is_kept() -> None:
    text = f"1\n{times(1, 2)}\nOne\n\nmore of one\n\n2\n{times(2, 3)}\nTwo\n\nnot lost\n"
    assert read("a.srt", text).text == "[00:00:01] One more of one\n[00:00:02] Two not lost"


def test_comments_and_styles_of_webvtt_are_left_out_and_noted() -> None:
    text = (
        f"WEBVTT - Title\n\nSTYLE\n::cue{{}}\n\nNOTE secret\nmore\n\n{times(1, 2, '.')}\nOne\n\nNOTE\nsecret\n\nintro\n"
        f"{times(2, 3, '.')}\nTwo\n"
    )
    extracted = read("a.vtt", text)
    assert extracted.text == "[00:00:01] One\n[00:00:02] Two"
    assert noted(extracted) == {"hidden_text": 3}
