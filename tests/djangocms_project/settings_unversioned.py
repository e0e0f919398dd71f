"""The same site without djangocms-versioning: what is saved is published."""

from settings import *  # noqa: F403
from settings import INSTALLED_APPS

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "djangocms_versioning"]
