"""The newsroom's articles, with their comments, are documents: seen by whom the site lets see them."""

from news.models import Article
from retrieval.model_documents import ModelDocuments, documents


@documents(Article, collection="articles")
class ArticleDocuments(ModelDocuments):
    fields = ["lead", "body", "comments__text"]
    related = ["comments"]

    def visible_to(self, user):
        return Article.objects.visible_to(user)
