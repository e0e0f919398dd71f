"""Document chat for a Django project: `INSTALLED_APPS = [..., *chatsite.APPS]` and `include("chatsite.urls")`."""

from pathlib import Path
from runpy import run_path

APPS = ("chatsite", "retrieval")

_agents = Path(__file__).parent.with_name("agents")
if (_agents / "run.py").exists() or not (_agents / "__init__.py").exists():  # another distribution has written into it
    run_path(str(_agents / "foreign.py"))  # raises ImportError
