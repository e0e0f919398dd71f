"""These tests are of a site with SECOND_FACTOR; `test_parts.py` runs them in a process that has it."""

from django.conf import settings

collect_ignore = [] if settings.SECOND_FACTOR else ["test_views.py"]
