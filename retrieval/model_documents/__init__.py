"""The site's own models as documents: a row is a document, in step with every save, seen by whom the site lets see it.

    from retrieval.model_documents import ModelDocuments, documents

    @documents(Article, collection="articles")
    class ArticleDocuments(ModelDocuments):
        fields = ["lead", "body"]

        def visible_to(self, user):
            return Article.objects.filter(published=True)

Declare them in `docchat.py` of an app: it is imported when Django starts, as `admin.py` is.
"""

from retrieval.model_documents.declaring import ModelDocuments, documents

__all__ = ["ModelDocuments", "documents"]
