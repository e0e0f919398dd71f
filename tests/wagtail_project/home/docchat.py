"""The pages of the site are documents."""

from wagtail.models import Page

from retrieval.model_documents import documents
from retrieval.model_documents.wagtail import WagtailPages

documents(Page, collection="pages")(WagtailPages)
