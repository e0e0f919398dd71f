"""Every address of the site."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from chatsite import conversations, views

urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation_id>/", views.chat, name="conversation"),
    path("c/<uuid:conversation_id>/rename/", conversations.rename, name="conversation-rename"),
    path("c/<uuid:conversation_id>/pin/", conversations.pin, name="conversation-pin"),
    path("c/<uuid:conversation_id>/delete/", conversations.delete, name="conversation-delete"),
    path("c/<uuid:conversation_id>/share/", conversations.share, name="conversation-share"),
    path("c/<uuid:conversation_id>/unshare/", conversations.unshare, name="conversation-unshare"),
    path("c/<uuid:conversation_id>/conversation.md", conversations.export_markdown, name="conversation-markdown"),
    path("c/<uuid:conversation_id>/conversation.json", conversations.export_json, name="conversation-json"),
    path("shared/<slug:token>/", conversations.shared, name="shared"),
    path("ask/", views.ask, name="ask"),
    path("runs/<uuid:run_id>/", views.run, name="run"),
    path("documents/<int:document_id>/", views.document, name="document"),
    path("documents/<int:document_id>/original/", views.original, name="original"),
    path("accounts/login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("api/v1/", include("chatsite.api.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=static("chatsite/icon.svg"))),
]

handler404 = "chatsite.api.errors.not_found"
handler500 = "chatsite.api.errors.internal_error"
