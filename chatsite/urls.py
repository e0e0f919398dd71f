"""The chat's addresses, for `include` in any project. The site's own project adds signing in and the admin to them."""

from django.urls import include
from django.urls import path as including

from chatsite.conversations import chat_views as views
from chatsite.conversations import views as conversations
from chatsite.documents import views as document_views
from chatsite.routing import path
from chatsite.staff import views as staff
from chatsite.widget import views as embedding

app_name = "chatsite"
urlpatterns = [
    path("", views.chat, name="chat"),
    path("agents/<slug:name>/", views.agent, name="agent"),
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
    path("runs/<uuid:run_id>/decide/", views.decide, name="run-decide"),
    path("documents/", document_views.library, name="documents"),
    path("documents/<int:document_id>/", document_views.document, name="document"),
    path("documents/<int:document_id>/original/", document_views.original, name="original"),
    path("documents/<int:document_id>/pages/<int:page>", document_views.page_picture, name="document-page"),
    path("embed/", embedding.frame, name="embed"),
    path("embed/<str:token>/", embedding.token_frame, name="embed-site"),
    path("embed/<str:token>/runs/<uuid:run_id>/", embedding.token_run, name="embed-run"),
    path("embed/<str:token>/passages/<str:passage>/", embedding.token_passage, name="embed-passage"),
    path("embed.js", embedding.script, name="embed-script"),
    path("staff/", staff.panel, name="staff"),
    path("staff/matches/", staff.matches, name="staff-matches"),
    including("api/v1/", include("chatsite.api.urls")),
    including("", include("chatsite.doors.urls")),
]
