"""Articles, drafts and pieces for members among them, what readers say of them, and orders of back issues."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse


class ArticleQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Return what is published, pieces for members to members alone, and the drafts of one's own."""
        if not user.is_authenticated:
            return self.filter(published=True, members_only=False)
        return self.filter(Q(published=True) | Q(author=user))


class Article(models.Model):
    title = models.CharField(max_length=200)
    slug = models.SlugField(unique=True)
    lead = models.TextField(blank=True)
    body = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    published = models.BooleanField(default=False)
    members_only = models.BooleanField(default=False)

    objects = ArticleQuerySet.as_manager()

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return reverse("article", args=[self.slug])


class Comment(models.Model):
    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="comments")
    text = models.TextField()

    def __str__(self):
        return self.text[:50]


class Order(models.Model):
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    number = models.PositiveIntegerField(unique=True)
    issue = models.CharField(max_length=100)
    sent_on = models.DateField(null=True, blank=True)
    cancelled = models.BooleanField(default=False)

    def __str__(self):
        return f"order {self.number}"

    def status(self):
        """Return what has become of it, as a sentence."""
        if self.cancelled:
            return f"Order {self.number} of “{self.issue}” is cancelled."
        if self.sent_on:
            return f"Order {self.number} of “{self.issue}” was sent on {self.sent_on:%-d %B %Y}."
        return f"Order {self.number} of “{self.issue}” is being packed."
