"""`/probe`: how many managed loops and model clients this process has."""

import gc
import os
import threading

from django.http import HttpRequest, JsonResponse
from django.urls import path

from chatsite.site_urls import handler404, handler500
from chatsite.site_urls import urlpatterns as site_urls

__all__ = ["handler404", "handler500", "urlpatterns"]


def probe(request: HttpRequest) -> JsonResponse:
    from openai import AsyncOpenAI

    gc.collect()
    loops = [thread for thread in threading.enumerate() if thread.name == "agents-loop"]
    clients = [held for held in gc.get_objects() if type(held) is AsyncOpenAI]
    return JsonResponse({"pid": os.getpid(), "loops": len(loops), "clients": len(clients)})


urlpatterns = [path("probe", probe), *site_urls]
