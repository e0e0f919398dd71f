"""Collections and documents in the admin; importing this registers them."""

from retrieval.admin.collections import CollectionAdmin
from retrieval.admin.documents import DocumentAdmin

__all__ = ["CollectionAdmin", "DocumentAdmin"]
