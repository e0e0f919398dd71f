"""These tests are of a site with OIDC_ISSUER; `test_parts.py` runs them in a process that has it."""

from django.conf import settings

collect_ignore = [] if settings.OIDC_ISSUER else ["test_views.py"]
