"""The site, but at its end it waits a moment only for answers that are being written; for tests of real servers."""

from chatsite.settings import *  # noqa: F403

RUN_DRAIN_SECONDS = 3.0
