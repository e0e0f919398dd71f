"""A chart is a drawing, its words and a table; nothing of it is markup that came with a name."""

from __future__ import annotations

import re

import pytest

from chatsite.overview.charts import Series, bar_chart


def drawn(*values: int, name: str = "Answered") -> str:
    return bar_chart(
        "Questions", [f"{number}." for number in range(len(values))], [Series(name, values, "is-a")], axis="Day"
    )


def test_bars_are_as_high_as_their_numbers_and_say_them() -> None:
    drawing = drawn(4, 0, 2)
    bars = re.findall(
        r'<rect x="[\d.]+" y="[\d.]+" width="[\d.]+" height="([\d.]+)" class="is-a"><title>(.*?)</title>', drawing
    )
    assert [name for _height, name in bars] == ["0.: Answered 4", "2.: Answered 2"]
    assert float(bars[0][0]) == pytest.approx(2 * float(bars[1][0]))


def test_parts_of_a_bar_stand_on_each_other() -> None:
    drawing = bar_chart("Q", ["1."], [Series("A", [3], "is-a"), Series("B", [1], "is-b")], axis="Day")
    (low, low_height), (high, high_height) = (
        (float(y), float(height))
        for y, height in re.findall(r'<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', drawing)
    )
    assert high + high_height == pytest.approx(low)
    assert low_height == pytest.approx(3 * high_height)


@pytest.mark.parametrize(
    ("highest", "end"), [(0, 4), (4, 4), (5, 10), (11, 20), (21, 40), (101, 200), (1_234, "2,000")]
)
def test_scale_ends_at_a_round_number(highest: int, end: object) -> None:
    assert f'class="chart-text">{end}</text>' in drawn(highest)


def test_same_numbers_stand_in_a_table() -> None:
    assert '<tr><th scope="row">1.</th><td>7</td></tr>' in drawn(3, 7)
    assert 'aria-label="Questions: Answered 10"' in drawn(3, 7)


def test_names_are_text() -> None:
    assert "<script>" not in drawn(1, name="<script>")


def test_no_day_is_an_empty_drawing() -> None:
    assert "<rect" not in drawn()


def test_many_days_are_not_all_written_below() -> None:
    assert drawn(*range(90)).count('text-anchor="middle"') <= 8


def test_each_series_has_a_value_for_each_label() -> None:
    with pytest.raises(ValueError, match="each label"):
        bar_chart("Q", ["1.", "2."], [Series("A", [1], "is-a")], axis="Day")
