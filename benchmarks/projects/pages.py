"""Pages that are edited in the admin."""

from __future__ import annotations

import django

from benchmarks.projects.declared import Project

FLATPAGES = Project(
    package="django",
    version=django.get_version(),
    kind="pages (`django.contrib.flatpages`)",
    model="flatpages.FlatPage",
    apps=["django.contrib.sites", "django.contrib.flatpages"],
    settings="SITE_ID = 1",
    urls='path("pages/", include("django.contrib.flatpages.urls")),',
    docchat="""
from django.contrib.flatpages.models import FlatPage
from retrieval.model_documents import ModelDocuments, documents

@documents(FlatPage, collection="pages")
class FlatPageDocuments(ModelDocuments):
    fields, ending = ["content"], "html"
""",
    rows="""
from django.contrib.flatpages.models import FlatPage
row = FlatPage.objects.create(url="/ferry/", title="The ferry", content=f"<p>{TEXT}</p>")
row.sites.add(1)
""",
    change='row.content = f"<p>{TEXT}</p>"; row.save()',
)

PAGES = (FLATPAGES,)
