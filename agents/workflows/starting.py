"""Begin a project: a workflow file and the agents that it names, which run at once, also without a model."""

from __future__ import annotations

from pathlib import Path

from agents.workflows.errors import WorkflowError
from agents.workflows.templates import template

TEAM = '''"""The agents and tools that workflow.yaml may name."""

from agents import Agent, OpenAIModel, Registry, tool

registry = Registry()
model = OpenAIModel("gpt-5-mini")  # with OPENAI_API_KEY in the environment; base_url= for another server


@registry.tool
@tool
def find_version() -> str:
    """Which version people have.

    Where Django is set up, a sync tool may use the ORM.
    """
    return "1.4"


registry.agent(Agent("triage", "Name what this message is. Answer with one word: bug, feature or other.", model=model))
registry.agent(Agent("fixer", "Ask for what is needed to repeat this bug.", [find_version], model=model))
registry.agent(Agent("planner", "Say in three steps how this wish could be met.", model=model))
registry.agent(Agent("helper", "Answer kindly and briefly.", model=model))
'''
NEXT = """Try it, without a model first:
  {enter}USE_MOCK_EXECUTION=true python -m agents run workflow.yaml --registry team
then with one:
  {enter}OPENAI_API_KEY=... python -m agents run workflow.yaml --registry team -i text="Please add a dark mode"
"""


def begin_project(folder: Path) -> list[Path]:
    """Write the files, and return their paths. Raises WorkflowError rather than write over one."""
    files = {folder / "team.py": TEAM, folder / "workflow.yaml": template("routed").text}
    if there := [str(path) for path in files if path.exists()]:
        raise WorkflowError(f"{' and '.join(there)} is there already, and nothing is written over")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.write_text(text)
    except OSError as error:
        raise WorkflowError(f"{folder} can't be written: {error.strerror}") from error
    return list(files)


def next_steps(folder: Path) -> str:
    """Return the commands to go on with."""
    return NEXT.format(enter="" if folder.resolve() == Path.cwd() else f"cd {folder} && ")
