"""Our wheel and openai-agents, whose packages have one name, in fresh environments: what whoever installs both sees."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.agents.foreign import OPENAI_AGENTS
from tests.servers import ROOT

pytestmark = pytest.mark.hosts


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with our wheel, theirs, and one that adds a file to our package and overwrites none."""
    folder = tmp_path_factory.mktemp("wheels")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, "openai-agents")
    with zipfile.ZipFile(folder / "more_agents-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("agents/more.py", "")
        wheel.writestr("more_agents-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: more-agents\nVersion: 1.0\n")
        wheel.writestr(
            "more_agents-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("more_agents-1.0.dist-info/RECORD", "agents/more.py,,\nmore_agents-1.0.dist-info/RECORD,,\n")
    return folder


MIXTURE = """\
openai-agents and django-docchat both install a package named `agents`, and have overwritten each other's files in
{site}/agents. Neither works. Install them apart:

    pip uninstall --yes openai-agents django-docchat
    pip install django-docchat
    pip install --target vendor/openai-agents openai-agents

and import the other with agents.foreign.load: see "Agents of other frameworks" in docs/agents.md."""
MISSING = """\
Files of django-docchat are missing from {site}/agents: another distribution has overwritten them, and took them
away when it was uninstalled. Install them again:

    pip install --force-reinstall --no-deps django-docchat"""

BEHIND = f"import sys; sys.path.append({sysconfig.get_path('purelib')!r})\n"
CHECK = "from django.core.management import execute_from_command_line as do; do(['django', 'check'])"


class Environment:
    """A fresh virtual environment. Its Python also sees, behind what is installed there, what the tests run with."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.wheels = wheels
        self.python = folder / "bin" / "python"
        self.elsewhere = folder / "elsewhere"
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        self.elsewhere.mkdir()
        self.site = run(self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()

    def pip(self, command: str, *arguments: str | Path) -> None:
        options = ["--no-deps", "--no-index", "--find-links", self.wheels] if command == "install" else ["--yes"]
        run(sys.executable, "-m", "pip", "--python", self.python, command, "--quiet", *options, *arguments)

    def prints(self, code: str) -> str:
        return run(self.python, "-c", BEHIND + code, cwd=self.elsewhere).strip()

    def fails(self, code: str) -> str:
        """Return what Python prints last, behind the name of the error."""
        environment = {**os.environ, "DATA_DIR": str(self.elsewhere), "DJANGO_SETTINGS_MODULE": "chatsite.settings"}
        command = [self.python, "-c", BEHIND + code]
        done = subprocess.run(command, cwd=self.elsewhere, env=environment, capture_output=True, text=True)
        assert done.returncode == 1, done.stdout
        return done.stderr.rpartition("Error: ")[2].strip()

    @property
    def mixture(self) -> str:
        return MIXTURE.format(site=self.site)


@pytest.fixture
def environment(tmp_path: Path, wheels: Path) -> Environment:
    return Environment(tmp_path / "environment", wheels)


@pytest.mark.case(138)
def test_theirs_after_ours_is_named_by_the_site_and_the_way_out_leads_out(environment: Environment) -> None:
    environment.pip("install", "django-docchat")
    assert environment.prints("import agents, chatsite; print(agents.Agent.__module__)") == "agents.agent"
    environment.pip("install", "openai-agents")
    assert environment.fails("import chatsite") == environment.mixture
    assert environment.fails(CHECK) == environment.mixture
    environment.pip("uninstall", "openai-agents")
    assert environment.fails("import chatsite") == MISSING.format(site=environment.site)
    environment.pip("uninstall", "django-docchat")
    environment.pip("install", "django-docchat")
    environment.pip("install", "--target", environment.elsewhere / "vendor" / "openai-agents", "openai-agents")
    both = f"""
sys.path.append({str(OPENAI_AGENTS)!r})  # what theirs needs, as the tests have it
import agents, chatsite, agents.foreign
openai_agents = agents.foreign.load("openai-agents", path="vendor/openai-agents")
print(agents.run.__module__, openai_agents.Runner.__module__)
"""
    assert environment.prints(both) == "agents.agent openai_agents.run"


def test_ours_after_theirs_is_named_by_the_package_and_by_the_site(environment: Environment) -> None:
    environment.pip("install", "openai-agents")
    environment.pip("install", "django-docchat")
    assert environment.fails("import agents") == environment.mixture
    assert environment.fails("import chatsite") == environment.mixture


@pytest.mark.case(138)
def test_a_file_that_another_adds_is_named_by_a_system_check(environment: Environment) -> None:
    environment.pip("install", "django-docchat", "more-agents")
    found = environment.fails(CHECK)
    assert "(chatsite.E006) more-agents and django-docchat both install a package named `agents`" in found
