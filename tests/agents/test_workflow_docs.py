"""What docs/workflows.md shows is true: its files are written, its Python and its commands are run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from agents.workflows.step import AGENT_KEYS, STEP_KEYS, TOP_KEYS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "workflows.md").read_text()


def blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    return [text for written_in, text in fenced if written_in == language]


def in_folder(folder: Path, *command: str) -> str:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.hosts
def test_every_snippet_runs(tmp_path: Path) -> None:
    declared, *used = blocks("python")
    (tmp_path / "shop.py").write_text(declared)
    (tmp_path / "digest.yaml").write_text(blocks("yaml")[0])
    in_folder(tmp_path, "-c", "\n".join(used))
    commands = [line for line in blocks("")[0].splitlines() if line]
    printed = [in_folder(tmp_path, *shlex.split(command)[1:]) for command in commands]
    assert "WHALES, VOLUME 3: 300 PAGES" in printed[0]
    assert "run tuesday: 6 states, all the same" in printed[4]
    assert printed[5] == blocks("text")[0]


def test_every_key_is_explained() -> None:
    for key in (*TOP_KEYS, *STEP_KEYS):
        assert f"`{key}`" in PAGE or f"\n{key}:" in PAGE, key
    for key in AGENT_KEYS:
        assert f" {key}:" in PAGE or key == "models", key
