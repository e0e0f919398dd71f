"""Collections and documents in the admin; importing this registers them."""

from retrieval.admin_collections import CollectionAdmin
from retrieval.admin_documents import DocumentAdmin

__all__ = ["CollectionAdmin", "DocumentAdmin"]
