from __future__ import annotations

import pytest

from agents import Agent, run
from agents.testing import FunctionModel, ScriptedModel


def test_unused_steps_are_an_error() -> None:
    model = ScriptedModel(["one", "two"])
    run(Agent("a", "", models=[model]), "Go")
    with pytest.raises(AssertionError, match="1 steps were not used: \\['two'\\]"):
        model.assert_finished()


def test_asking_beyond_the_script_is_an_error() -> None:
    with pytest.raises(AssertionError, match="asked once more"):
        run(Agent("a", "", models=[ScriptedModel([])]), "Go")


def test_function_model_answers_from_the_messages() -> None:
    model = FunctionModel(lambda messages: f"{len(messages)} message")
    assert run(Agent("a", "", models=[model]), "Go").content == "1 message"
