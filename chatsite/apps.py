from types import ModuleType

from django.apps import AppConfig
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.utils.translation import gettext_lazy as _

from chatsite import conf


class ChatsiteConfig(AppConfig):
    name = "chatsite"
    verbose_name = _("Chat")
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: ModuleType | None) -> None:
        super().__init__(app_name, app_module)
        conf.fill_in()  # before any module that reads a setting is imported, whatever the order of the apps

    def ready(self) -> None:
        from django.conf import settings
        from django.urls import reverse

        from chatsite import access, checks  # noqa: F401 - their signals and checks are registered
        from chatsite.asking import attachments  # noqa: F401 - their signals and checks are registered
        from chatsite.asking.overdue import end_overdue_while_idle
        from chatsite.assistants import checks as agent_checks  # noqa: F401 - likewise
        from chatsite.assistants import workflow_answers  # noqa: F401 - it names itself
        from chatsite.gaps.closing import ask_next_again
        from chatsite.gaps.grouping import group_while_idle
        from chatsite.ingestion import ask_for_task, ingest_in_this_process
        from chatsite.overview import changes  # noqa: F401 - its signals are registered
        from chatsite.overview.counting import count_while_idle
        from chatsite.startup import say_what_answers
        from chatsite.workflows.triggers.due import is_document_awaited, note_document, run_due
        from retrieval import configuration
        from retrieval.ingestion import tasks, worker
        from retrieval.signals import document_ready

        configuration.configure(
            configuration.RetrievalSettings(
                index_dir=settings.INDEX_DIR,
                model_dir=settings.MODEL_DIR,
                qdrant_url=settings.QDRANT_URL,
                qdrant_api_key=settings.QDRANT_API_KEY,
                qdrant_shards=settings.QDRANT_SHARDS,
                qdrant_replicas=settings.QDRANT_REPLICAS,
                qdrant_quantization=settings.QDRANT_QUANTIZATION,
                embedding_base_url=settings.EMBEDDING_BASE_URL,
                embedding_model=settings.EMBEDDING_MODEL,
                rerank=settings.RERANK,
                answer_confidence=settings.ANSWER_CONFIDENCE,
                openai_api_key=settings.OPENAI_API_KEY,
                pages_dir=settings.PAGES_DIR,
                user_quota_bytes=settings.USER_QUOTA_BYTES,
                attachments_quota_bytes=settings.ATTACHMENTS_QUOTA_BYTES,
                only_collections=tuple(settings.ONLY_COLLECTIONS),
                document_url=lambda document_id: reverse("chatsite:document", args=[document_id]),
            )
        )
        tasks.idle.setdefault(end_overdue_while_idle)
        tasks.idle.setdefault(ask_next_again)
        tasks.idle.setdefault(count_while_idle)
        tasks.idle.setdefault(group_while_idle)
        tasks.feeding.setdefault(run_due)
        worker.others.setdefault(ask_for_task)
        document_ready.connect_while(is_document_awaited, note_document)
        for server in (WSGIHandler, ASGIHandler):  # and neither a command nor Django's test client
            request_started.connect(ingest_in_this_process, sender=server)
            request_started.connect(say_what_answers, sender=server)
