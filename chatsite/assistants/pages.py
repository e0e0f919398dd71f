"""The admin's pages of agents: what each answers from, how and for whom. Its instructions are versions of a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatsite.assistants.checks import workflow_fault
from chatsite.assistants.declared import declared_agents
from chatsite.models import ChatAgent, PromptVersion
from retrieval.models import Collection

if TYPE_CHECKING:
    AgentModelAdmin = admin.ModelAdmin[ChatAgent]
    AgentModelForm = forms.ModelForm[ChatAgent]
else:
    AgentModelAdmin, AgentModelForm = admin.ModelAdmin, forms.ModelForm

TOOLS_MOST = 100


class ChatAgentForm(AgentModelForm):
    """Names what is wrong at its field. One that exists may have collections that its editor doesn't see."""

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name in declared_agents():
            raise forms.ValidationError(_("The settings declare an agent of this name; choose another."))
        return name

    def clean_tools(self) -> str:
        tools: str = self.cleaned_data["tools"]
        if len(tools.split()) > TOOLS_MOST:
            raise forms.ValidationError(_("At most %d names.") % TOOLS_MOST)
        return tools

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        chosen = self.cleaned_data
        if self.instance.pk is None and not (chosen.get("collections") or chosen.get("all_collections")):
            self._fault("collections", _("Choose some, or tick “every collection”: it could answer nothing."))
        if not (chosen.get("groups") or chosen.get("for_everyone")):
            self._fault("groups", _("Choose some, or tick “everyone”: nobody could ask it."))
        workflow = chosen.get("workflow")
        if workflow and (fault := workflow_fault(workflow.slug)):
            self._fault("workflow", f"{fault}.")
        return cleaned

    def _fault(self, field: str, said: str) -> None:
        if field in self.fields and field not in self.errors:
            self.add_error(field, said)


class ChatAgentAdmin(AgentModelAdmin):
    """An agent keeps its name: conversations, addresses and versions of its prompt stand under it."""

    form = ChatAgentForm
    list_display = ["title", "name", "active", "for_everyone", "workflow"]
    list_filter = ["active", "for_everyone"]
    list_select_related = ["workflow"]
    search_fields = ["name", "title", "description"]
    fieldsets = [
        (None, {"fields": ["name", "title", "description", "active", "address", "prompt"]}),
        (gettext_lazy("What it answers from"), {"fields": ["all_collections", "collections", "workflow"]}),
        (gettext_lazy("How"), {"fields": ["tone", "languages", "starters", "tools", "no_tools"]}),
        (gettext_lazy("For whom"), {"fields": ["for_everyone", "groups"]}),
    ]
    filter_horizontal = ["collections", "groups"]

    def get_readonly_fields(self, request: HttpRequest, obj: ChatAgent | None = None) -> list[str]:
        return ["address", "prompt", *(["name"] if obj else [])]

    @admin.display(description=gettext_lazy("address"))
    def address(self, agent: ChatAgent) -> str:
        """Return the link to its page, and what puts its button on a page."""
        if not agent.pk:
            return _("Known once it is saved.")
        try:
            url = reverse("chatsite:agent", args=[agent.name])
        except NoReverseMatch:  # the project has not included the chat's addresses
            return ""
        tag = f'{{% docchat agent="{agent.name}" %}}'
        return format_html('<a href="{}">{}</a> <code>{}</code>', url, url, tag)

    @admin.display(description=gettext_lazy("instructions"))
    def prompt(self, agent: ChatAgent) -> str:
        """Return which version of its prompt is in use, and the link to where they are written."""
        if not agent.pk:
            return _("Written once it is saved.")
        versions = PromptVersion.objects
        used = versions.published(agent.name).first()
        said = str(used) if used else _("as the site’s")
        url = f"{reverse('admin:chatsite_promptversion_add')}?agent={agent.name}"
        return format_html('{} <a href="{}">{}</a>', said, url, _("Write a version"))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the collections that whoever edits may see."""
        if db_field.related_model is Collection:
            kwargs["queryset"] = Collection.objects.visible_to(request.user).listed()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Keep the collections that were chosen by somebody who sees more."""
        offered = Collection.objects.visible_to(request.user).listed()
        kept = list(form.instance.collections.exclude(pk__in=offered.values("pk")))
        super().save_related(request, form, formsets, change)
        form.instance.collections.add(*kept)
