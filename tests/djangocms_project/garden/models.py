"""A plugin of the site's own: what it shows, and what it keeps to itself."""

from cms.models import CMSPlugin
from django.db import models


class Opening(CMSPlugin):
    day = models.CharField(max_length=40)
    note = models.CharField(max_length=200, blank=True)  # for who edits, shown nowhere
