"""Two types of pages: what they say in a stream of blocks, and what in fields."""

from django.db import models
from modelcluster.fields import ParentalKey
from wagtail import blocks
from wagtail.contrib.table_block.blocks import TableBlock
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Orderable, Page
from wagtail.search import index


class Person(blocks.StructBlock):
    name = blocks.CharBlock()
    duties = blocks.ListBlock(blocks.CharBlock())
    phone = blocks.CharBlock(required=False, search_index=False)


class GardenPage(Page):
    body = StreamField(
        [
            ("heading", blocks.CharBlock()),
            ("paragraph", blocks.RichTextBlock()),
            ("person", Person()),
            ("hours", TableBlock()),
            ("html", blocks.RawHTMLBlock()),
            ("more", blocks.StreamBlock([("quote", blocks.BlockQuoteBlock()), ("note", blocks.TextBlock())])),
        ],
        blank=True,
    )


class PlantPage(Page):
    latin = models.CharField(max_length=100, blank=True)
    care = RichTextField(blank=True)
    internal = models.TextField(blank=True)

    search_fields = [*Page.search_fields, index.SearchField("latin")]


class Tip(Orderable):
    page = ParentalKey(PlantPage, on_delete=models.CASCADE, related_name="tips")
    text = models.CharField(max_length=200)
