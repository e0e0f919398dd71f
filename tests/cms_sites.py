"""Sites of content management systems as real processes, each with a page that can be asked about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hostsite import STAFF_KEY, project_site
from tests.servers import ROOT, Site

ORCHARD = "When does the old orchard open?"
SENTENCE = "The old orchard opens on 4 May, at nine in the morning."
_TEXT = f"<p>{SENTENCE}</p><p>Dogs wait outside. Apples that lie in the grass may be taken home.</p>"
_STAFF = f"""
from django.contrib.auth.models import User
from chatsite.models import ApiKey
staff = User.objects.create_superuser("staff", password="a-password")
ApiKey.objects.create(user=staff, name="of the tests", digest=ApiKey.digest_of({STAFF_KEY!r}))
"""
_FIRST_DATA = {
    "wagtail": f"""
from home.models import GardenPage
from wagtail.models import Site
home = Site.objects.get().root_page
home.add_child(instance=GardenPage(title="The old orchard", body=[("paragraph", {_TEXT!r})]))
""",
    "djangocms": f"""
from cms.api import add_plugin, create_page
page = create_page("The old orchard", "garden/page.html", "en", created_by=staff)
content = page.pagecontent_set(manager="admin_manager").get()
add_plugin(content.rescan_placeholders()["content"], "TextPlugin", "en", body={_TEXT!r})
content.versions.get().publish(staff)
""",
}


@contextmanager
def cms_site(name: str, folder: Path, **variables: str) -> Iterator[Site]:
    """The project of the tests of "wagtail" or "djangocms", with the page that answers ORCHARD."""
    project, python = ROOT / "tests" / f"{name}_project", ROOT / f".venv-{name}" / "bin" / "python"
    variables = {"DJANGO_SETTINGS_MODULE": "settings", "ANONYMOUS_CHAT": "on"} | variables
    first_data = _STAFF + _FIRST_DATA[name]
    with project_site(project, folder, first_data, chat="/ask", ready=1, python=str(python), **variables) as running:
        yield running
