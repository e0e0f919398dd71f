"""Addresses to the provider and back from it: the second is the one to enter there."""

from django.urls import reverse_lazy
from django.views.generic import RedirectView

from chatsite.accounts.oidc import views
from chatsite.routing import path

urlpatterns = [
    path("<slug:provider_id>/login/", views.begin, name="openid_connect_login"),
    path("<slug:provider_id>/callback/", views.end, name="openid_connect_callback"),
    path("cancelled/", RedirectView.as_view(url=reverse_lazy("login")), name="socialaccount_login_cancelled"),
]
