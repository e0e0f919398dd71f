"""Workflows for tests, and a site whose documents they find something in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from chatsite.models import Workflow, WorkflowRun
from chatsite.reader import Reader
from chatsite.workflows import running

TEA = "Wait four minutes before you pour the tea. The kettle is in the blue cupboard."
FIND = """\
# What the staff asks most.
inputs:
  topic: {description: what to look for, default: tea}
steps:
  find:
    tool: search_documents
    with:
      query: ${inputs.topic}  # as it was typed
      limit: 3
"""
DIGEST = (
    FIND
    + """\
  digest:
    agent: summariser
    prompt: "Summarise: ${steps.find.output}"
"""
)


def made(text: str = FIND, **fields: Any) -> Workflow:
    return Workflow.objects.create(**{"slug": "tea", "title": "Tea", "draft": text} | fields)


def run_to_end(workflow: Workflow, user: User, **inputs: Any) -> WorkflowRun:
    run = running.begin(workflow, version=None, inputs=inputs, reader=Reader(user))
    running.join(60)
    run.refresh_from_db()
    return run


REVIEW = (
    DIGEST
    + """\
  improve: {person: edit, prompt: Change what you like., value: "${steps.digest.output}"}
  check: {person: approve, prompt: "Publish this: ${steps.improve.output}"}
  tone: {person: answer, prompt: "Which tone?", choices: [plain, warm]}
  end:
    agent: writer
    prompt: "${steps.tone.output}: ${steps.improve.output}"
    when: ${steps.check.output.approved}
"""
)
