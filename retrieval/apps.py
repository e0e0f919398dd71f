from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RetrievalConfig(AppConfig):
    name = "retrieval"
    verbose_name = _("Documents")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import post_delete

        from retrieval import checks  # noqa: F401 - registers them
        from retrieval.ingestion.deletion import forget
        from retrieval.models import Document

        post_delete.connect(forget, sender=Document, dispatch_uid="retrieval.forget")
