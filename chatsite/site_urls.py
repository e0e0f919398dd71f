"""Every address of the site when it is a project of its own: the chat, signing in, the admin."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", include("chatsite.urls")),
    path("accounts/login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=static("chatsite/icon.svg"))),
]

handler404 = "chatsite.api.errors.not_found"
handler500 = "chatsite.api.errors.internal_error"
