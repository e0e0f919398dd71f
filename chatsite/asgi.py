"""The site under ASGI: uvicorn, daphne, hypercorn, granian. The views are the same sync ones."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")

application = get_asgi_application()
