"""The site under ASGI: uvicorn, daphne, hypercorn, granian. The views are the same sync ones."""

import os

from django.core.asgi import get_asgi_application
from django.core.signals import request_started

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")

application = get_asgi_application()

from chatsite.ingestion import ingest_in_this_process  # noqa: E402 (its models need the application)

request_started.connect(ingest_in_this_process)
