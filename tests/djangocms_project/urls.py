"""The chat, and django CMS's pages in their languages."""

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("ask/", include("chatsite.urls")),
    path("admin/", admin.site.urls),
    *i18n_patterns(path("", include("cms.urls"))),
]
