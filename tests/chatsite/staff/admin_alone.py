"""Addresses of a project that has an admin and not those of the chat."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
