"""The site, with so long a drain that only a quick stop ends in time."""

from chatsite.settings import *  # noqa: F403

RUN_DRAIN_SECONDS = 600.0
