"""The articles, the admin, and the chat."""

from django.contrib import admin
from django.urls import include, path
from news.views import article

urlpatterns = [
    path("articles/<slug:slug>/", article, name="article"),
    path("admin/", admin.site.urls),
    path("ask/", include("chatsite.urls")),  # docchat
]
