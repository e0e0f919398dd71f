"""A plugin whose text is in its template and fields, one that holds others, and one that asks who reads."""

from cms.plugin_base import CMSPluginBase
from cms.plugin_pool import plugin_pool

from garden.models import Opening


@plugin_pool.register_plugin
class OpeningPlugin(CMSPluginBase):
    model = Opening
    render_template = "garden/opening.html"


@plugin_pool.register_plugin
class BedPlugin(CMSPluginBase):
    allow_children = True
    render_template = "garden/bed.html"


@plugin_pool.register_plugin
class GreetingPlugin(CMSPluginBase):
    render_template = "garden/greeting.html"
    cache = False
