"""The site with one more address, which tells what its process holds; only for tests of real servers."""

from chatsite.settings import *  # noqa: F403

ROOT_URLCONF = "tests.probe_urls"
