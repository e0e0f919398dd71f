from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RetrievalConfig(AppConfig):
    name = "retrieval"
    verbose_name = _("Documents")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import post_delete

        from retrieval import checks  # noqa: F401 - registers them
        from retrieval.ingestion import tasks
        from retrieval.ingestion.deletion import forget
        from retrieval.model_documents import changes
        from retrieval.model_documents.declaring import import_declarations
        from retrieval.model_documents.following import follow
        from retrieval.models import Document
        from retrieval.syncing.available import declare_kinds
        from retrieval.syncing.due import source_threads

        post_delete.connect(forget, sender=Document, dispatch_uid="retrieval.forget")
        declare_kinds()
        import_declarations()
        changes.connect()
        tasks.feeding.setdefault(follow)
        tasks.companions.setdefault(source_threads)
