from django.shortcuts import get_object_or_404, render

from news.models import Article


def article(request, slug):
    found = get_object_or_404(Article.objects.visible_to(request.user), slug=slug)
    return render(request, "news/article.html", {"article": found})
