from django.contrib import admin

from news.models import Article, Comment, Order

admin.site.register([Article, Comment, Order])
