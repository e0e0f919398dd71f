"""The pages of the site are documents."""

from cms.models import PageUrl

from retrieval.model_documents import documents
from retrieval.model_documents.djangocms import CMSPages

documents(PageUrl, collection="pages")(CMSPages)
