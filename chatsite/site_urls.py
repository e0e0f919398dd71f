"""Every address of the site when it is a project of its own: the chat, signing in, the admin."""

from django.apps import apps
from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView

admin.site.site_header = admin.site.site_title = _("Document chat")
urlpatterns = [
    path("", include("chatsite.urls")),
    path("accounts/", include("chatsite.accounts.urls")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password_change")),  # which counts wrong ones
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=static("chatsite/icon.svg"))),
]

if apps.is_installed("allauth"):
    from allauth.account.decorators import secure_admin_login

    urlpatterns = [
        path("accounts/", include("chatsite.accounts.factor.urls")),
        path("admin/login/", secure_admin_login(admin.site.login)),  # leads to the page with both steps
        *urlpatterns,
    ]

if apps.is_installed("allauth.socialaccount"):
    urlpatterns = [path("accounts/with/", include("chatsite.accounts.oidc.urls")), *urlpatterns]

handler404 = "chatsite.api.errors.not_found"
handler500 = "chatsite.api.errors.internal_error"
