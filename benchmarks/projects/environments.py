"""An environment for each project, in a folder that Git ignores: the project's own packages above those of the site."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.projects.declared import Project
from tests.servers import ROOT, variables

CACHE = ROOT / ".venv-projects"
OURS, LINK = "django-docchat", "docchat.pth"
INSTALL_SECONDS = 900


class ProjectFault(Exception):
    """A step of a project went wrong; the message says which, and what was printed."""


class Environment:
    """The environment of a project. Above its own packages it sees those that this process has."""

    def __init__(self, project: Project, cache: Path = CACHE) -> None:
        self.cache = cache
        self.folder = cache / canonicalize_name(project.package)
        self.python = self.folder / "env" / "bin" / "python"
        self.project = project

    @property
    def packages(self) -> Path:
        (found,) = (self.folder / "env").glob("lib/python*/site-packages")
        return found

    def install(self) -> None:
        """Install the project, and what its tests need, unless that is done. Raises ProjectFault."""
        suite = self.project.suite
        wanted = [
            f"{self.project.package}=={self.project.version}",
            *self.project.needs,
            *(suite.needs if suite else ()),
        ]
        if self.project.package == "django":  # an app of Django's own
            wanted = wanted[1:]
        done = self.folder / "installed.json"
        if done.exists() and json.loads(done.read_text()) == wanted:
            (self.packages / LINK).unlink(missing_ok=True)
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.run_apart(sys.executable, "-m", "venv", "--without-pip", str(self.folder / "env"), cwd=self.folder)
        (self.packages / "site.pth").write_text(sysconfig.get_path("purelib") + "\n")
        if wanted:
            self._pip("install", "--quiet", *wanted)
        done.write_text(json.dumps(wanted))

    def add(self, product: Path) -> None:
        """Add the product, which was unpacked once for all projects."""
        (self.packages / LINK).write_text(f"{product}\n")

    def source(self) -> Path:
        """Return the folder of the project's source, with its tests. Raises ProjectFault."""
        folder = self.folder / "source"
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=self.folder) as name:
                wanted = f"{self.project.package}=={self.project.version}"
                self._pip("download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", name, wanted)
                (archive,) = Path(name).glob("*.tar.gz")
                with tarfile.open(archive) as opened:
                    opened.extractall(Path(name) / "out", filter="data")
                (inner,) = (Path(name) / "out").iterdir()
                inner.rename(folder)
        return folder

    def clashes(self, product: Path) -> list[str]:
        """Return what the project brings in another version than the product asks for."""
        brought = importlib.metadata.distributions(path=[str(self.packages)])
        has = {canonicalize_name(one.name): one.version for one in brought}
        (ours,) = importlib.metadata.distributions(name=OURS, path=[str(product)])
        asked = [one for one in map(Requirement, ours.requires or []) if not one.marker]
        return [
            f"{one.name} {version}, not {one.specifier}"
            for one in asked
            if (version := has.get(canonicalize_name(one.name)))
            and not one.specifier.contains(version, prereleases=True)
        ]

    def run(self, *arguments: str, cwd: Path, seconds: float = 300, fails: bool = False, **environ: str) -> str:
        """Run the environment's Python, and return what it printed. Raises ProjectFault unless it ends well."""
        return self.run_apart(str(self.python), *arguments, cwd=cwd, seconds=seconds, fails=fails, **environ)

    def run_apart(self, *command: str, cwd: Path, seconds: float = 300, fails: bool = False, **environ: str) -> str:
        """Run a program in an environment without settings of this site or of its tests."""
        try:
            done = subprocess.run(
                command, cwd=cwd, env=plain_environment() | environ, timeout=seconds,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ProjectFault(
                f"{' '.join(command)} did not end in {seconds:.0f} s:\n{error.stdout!r:.3000}"
            ) from error
        if done.returncode and not fails:
            raise ProjectFault(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}")
        return done.stdout

    def _pip(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "--disable-pip-version-check", *arguments]
        self.run_apart(*command, cwd=self.folder, seconds=INSTALL_SECONDS)


def plain_environment() -> dict[str, str]:
    """Return this process's environment without what says how this site is set."""
    left_out = {*variables(), "PYTHONPATH", "DJANGO_SETTINGS_MODULE", "PYTHONWARNINGS"}
    return {name: value for name, value in os.environ.items() if name not in left_out}


def unpacked_product(folder: Path) -> Path:
    """Build the product as it is published, from this checkout, and unpack it in a folder, compiled."""
    built, product = folder / "built", folder / "product"
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = built.glob("*.whl")
    install = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([sys.executable, "-m", "pip", *install, "--target", str(product), str(wheel)], check=True)
    return product
