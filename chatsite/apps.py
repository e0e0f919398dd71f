from django.apps import AppConfig


class ChatsiteConfig(AppConfig):
    name = "chatsite"
    verbose_name = "Chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.conf import settings

        from chatsite import checks  # noqa: F401 - registers them
        from retrieval import configuration

        configuration.configure(
            configuration.RetrievalSettings(
                index_dir=settings.INDEX_DIR,
                model_dir=settings.MODEL_DIR,
                qdrant_url=settings.QDRANT_URL,
                qdrant_api_key=settings.QDRANT_API_KEY,
                embedding_base_url=settings.EMBEDDING_BASE_URL,
                embedding_model=settings.EMBEDDING_MODEL,
                openai_api_key=settings.OPENAI_API_KEY,
                user_quota_bytes=settings.USER_QUOTA_BYTES,
            )
        )
