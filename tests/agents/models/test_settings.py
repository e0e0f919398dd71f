"""What a model is told about how to answer, and which of two settings wins."""

from __future__ import annotations

from typing import Any

import pytest

from agents import ModelSettings


def test_nearer_settings_win_and_extras_are_merged_key_by_key() -> None:
    far = ModelSettings(temperature=0.9, seed=1, stop=("END",), extra_body={"a": 1, "b": 1}, extra_headers={"X-A": "1"})
    near = ModelSettings(temperature=0.0, parallel_tool_calls=False, extra_body={"b": 2}, extra_headers={"X-B": "2"})
    assert near.over(far) == ModelSettings(
        temperature=0.0,
        seed=1,
        stop=("END",),
        parallel_tool_calls=False,
        extra_body={"a": 1, "b": 2},
        extra_headers={"X-A": "1", "X-B": "2"},
    )
    assert near.over(None) is near


def test_settings_are_true_once_something_is_set() -> None:
    assert not ModelSettings()
    assert ModelSettings(temperature=0)
    assert ModelSettings(parallel_tool_calls=False)
    assert ModelSettings(extra_body={"a": 1})


def test_one_stop_text_stands_for_itself() -> None:
    wrong_type: Any = "END"
    assert ModelSettings(stop=wrong_type).stop == ("END",)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"temperature": 7}, "temperature must be a number from 0 to 2 .* not 7"),
        ({"temperature": float("nan")}, "temperature must be a number from 0 to 2"),
        ({"temperature": True}, "temperature must be a number"),
        ({"temperature": "0.5"}, "temperature must be a number .* not '0.5'"),
        ({"top_p": -0.1}, "top_p must be a number from 0 to 1"),
        ({"max_tokens": 0}, "max_tokens must be a whole number of at least 1, or None"),
        ({"max_tokens": 1.5}, "max_tokens must be a whole number"),
        ({"seed": "7"}, "seed must be a whole number, or None"),
        ({"reasoning_effort": ""}, 'reasoning_effort must be a word .give a word such as "low"'),
        ({"tool_choice": {"type": "function"}}, "tool_choice must be a word .* the name of a tool"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls must be True, False or None"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop must be at most 4 texts"),
        ({"stop": [""]}, "stop must be at most 4 texts, none of them empty"),
        ({"extra_body": [1]}, "extra_body must be a mapping"),
        ({"extra_body": {"messages": []}}, "extra_body must not hold messages: the run says that itself"),
        ({"extra_body": {"a": {1, 2}}}, "extra_body must hold JSON values only"),
        ({"extra_headers": {"X-A": 1}}, "extra_headers must map names to texts, and 'X-A' doesn't"),
        ({"extra_headers": {"X-A": "1\r\nX-B: 2"}}, "extra_headers must hold no line ends"),
    ],
)
def test_wrong_setting_is_refused_by_name_with_its_limit(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelSettings(**given)
