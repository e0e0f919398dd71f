"""Every address of the site."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from chatsite import document_views, views

urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation_id>/", views.chat, name="conversation"),
    path("runs/<uuid:run_id>/", views.run, name="run"),
    path("documents/", document_views.library, name="documents"),
    path("documents/<int:document_id>/", document_views.document, name="document"),
    path("documents/<int:document_id>/original/", document_views.original, name="original"),
    path("documents/<int:document_id>/pages/<int:page>", document_views.page_picture, name="document-page"),
    path("accounts/login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("api/v1/", include("chatsite.api.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=static("chatsite/icon.svg"))),
]

handler404 = "chatsite.api.errors.not_found"
handler500 = "chatsite.api.errors.internal_error"
