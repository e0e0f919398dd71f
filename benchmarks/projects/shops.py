"""Shops, and what is said about things."""

from __future__ import annotations

from benchmarks.projects.declared import Project

SHOPS = (
    Project(
        package="django-oscar",
        version="4.2.1",
        kind="shop",
        model="catalogue.Product",
        needs=["sorl-thumbnail"],
        settings="""
from oscar import INSTALLED_APPS as SHOP
from oscar.defaults import *
INSTALLED_APPS += ["sorl.thumbnail", *(app for app in SHOP if app not in INSTALLED_APPS)]
SITE_ID = 1
MIDDLEWARE += [
    "oscar.apps.basket.middleware.BasketMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
]
TEMPLATES[0]["OPTIONS"]["context_processors"] += [
    "oscar.apps.search.context_processors.search_form", "oscar.apps.checkout.context_processors.checkout",
    "oscar.apps.communication.notifications.context_processors.notifications",
    "oscar.core.context_processors.metadata",
]
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend", "django.contrib.auth.backends.ModelBackend",
]
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
""",
        urls='path("shop/", include(__import__("django.apps").apps.apps.get_app_config("oscar").urls[0])),',
        docchat="""
from oscar.apps.catalogue.models import Product
from retrieval.model_documents import ModelDocuments, documents

@documents(Product, collection="products")
class ProductDocuments(ModelDocuments):
    fields, ending = ["description"], "html"
    def visible_to(self, user): return Product.objects.browsable()
""",
        rows="""
from oscar.apps.catalogue.models import Product, ProductClass
kind = ProductClass.objects.create(name="Ticket", track_stock=False)
row = Product.objects.create(title="Ticket for the ferry", description=f"<p>{TEXT}</p>", product_class=kind)
""",
        change='row.description = f"<p>{TEXT}</p>"; row.save()',
        hide="row.is_public = False; row.save()",
    ),
    Project(
        package="django-comments-xtd",
        version="2.10.13",
        kind="comments on any model",
        model="django_comments_xtd.XtdComment",
        apps=[
            "django.contrib.sites",
            "django.contrib.flatpages",
            "rest_framework",
            "django_comments_xtd",
            "django_comments",
        ],
        settings='SITE_ID = 1\nCOMMENTS_APP = "django_comments_xtd"\nCOMMENTS_XTD_CONFIRM_EMAIL = False',
        urls="""
    path("comments/", include("django_comments_xtd.urls")),
    path("pages/", include("django.contrib.flatpages.urls")),
""",
        met="`get_absolute_url` goes over the domain of the `Site` row; `url` names the commented page",
        docchat="""
from django_comments_xtd.models import XtdComment
from retrieval.model_documents import ModelDocuments, documents

@documents(XtdComment, collection="comments")
class CommentDocuments(ModelDocuments):
    fields = ["comment"]
    def url(self, comment): return comment.content_object.get_absolute_url()
    def visible_to(self, user): return XtdComment.objects.filter(is_public=True, is_removed=False)
""",
        rows="""
from django.contrib.flatpages.models import FlatPage
from django_comments_xtd.models import XtdComment
page = FlatPage.objects.create(url="/ferry/", title="The ferry", content=f"<p>{TEXT}</p>")
page.sites.add(1)
row = XtdComment.objects.create(content_object=page, site_id=1, comment=TEXT, user=reader)
""",
        change="row.comment = TEXT; row.save()",
        hide="row.is_removed = True; row.save()",
    ),
)
