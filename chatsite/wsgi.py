"""The site under WSGI: gunicorn, mod_wsgi, runserver."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")

django_application = get_wsgi_application()

from chatsite.serving.bodies import with_lengths  # noqa: E402 (its settings need the application)

application = with_lengths(django_application)
