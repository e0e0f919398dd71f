"""Two pages, the site's own sign-in, the admin, and the chat."""

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("visit/", TemplateView.as_view(template_name="visit.html"), name="visit"),
    path("members/sign-in/", LoginView.as_view(), name="login"),
    path("admin/", admin.site.urls),
    path("docs/", include("chatsite.urls")),  # docchat
]
