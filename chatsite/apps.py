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
                qdrant_shards=settings.QDRANT_SHARDS,
                qdrant_replicas=settings.QDRANT_REPLICAS,
                qdrant_quantization=settings.QDRANT_QUANTIZATION,
                embedding_base_url=settings.EMBEDDING_BASE_URL,
                embedding_model=settings.EMBEDDING_MODEL,
                rerank=settings.RERANK,
                openai_api_key=settings.OPENAI_API_KEY,
                pages_dir=settings.PAGES_DIR,
                user_quota_bytes=settings.USER_QUOTA_BYTES,
            )
        )
