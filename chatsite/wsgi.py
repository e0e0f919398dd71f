"""The site under WSGI: gunicorn, mod_wsgi, runserver."""

import os

from django.core.signals import request_started
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")

application = get_wsgi_application()

from chatsite.ingestion import ingest_in_this_process  # noqa: E402 (its models need the application)

request_started.connect(ingest_in_this_process)
