"""The projects that are tried."""

from __future__ import annotations

from benchmarks.projects.blogs import BLOGS
from benchmarks.projects.desks import DESKS
from benchmarks.projects.forums import FORUMS
from benchmarks.projects.pages import PAGES
from benchmarks.projects.readers import READERS
from benchmarks.projects.shops import SHOPS
from benchmarks.projects.wikis import WIKIS

PROJECTS = (*BLOGS, *WIKIS, *FORUMS, *DESKS, *PAGES, *READERS, *SHOPS)
