"""Document chat for a Django project: `INSTALLED_APPS = [..., *chatsite.APPS]` and `include("chatsite.urls")`."""

APPS = ("chatsite", "retrieval")
