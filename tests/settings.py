"""The site's own settings, with all state in a folder of its own that goes when the tests end."""

import os
import tempfile

_state = tempfile.TemporaryDirectory(prefix="docchat-tests-")
_SITE = (
    "ADMIN_ASSISTANT "
    "ATTACHMENTS ATTACHMENTS_QUOTA_BYTES CHAT_EXTRA_BODY CHAT_MAX_TOKENS CHAT_MODEL CHAT_MODELS CHAT_PARALLEL "
    "CHAT_REASONING CHAT_TEMPERATURE CHAT_WINDOW_TOKENS DATABASE_URL EMBEDDING_BASE_URL EMBEDDING_MODEL FETCH_HOSTS "
    "FREE_CHAT HTTPS INGEST_TASK ONLY_COLLECTIONS OPENAI_API_KEY OPENAI_BASE_URL QDRANT_API_KEY QDRANT_URL "
    "RUNS_PER_ADDRESS RUNS_PER_PROCESS RUNS_PER_USER SITE_INGESTS SOURCES SOURCE_STORAGES SOURCE_TOKENS "
    "TOOL_APPROVAL_SECONDS TOOL_SECONDS USE_MOCK_EXECUTION USER_QUOTA_BYTES WORKFLOW_REGISTRY "
    "WORKFLOW_WAITING_DAYS"
)
for name in _SITE.split():
    os.environ.pop(name, None)
os.environ["DATA_DIR"] = os.environ.get("TEST_DATA_DIR", _state.name)
for name in ("SECOND_FACTOR", "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_NAME", "OIDC_CREATE_USERS"):
    os.environ.pop(name, None)
    if kept := os.environ.get(f"TEST_{name}"):  # which apps there are depends on it
        os.environ[name] = kept
os.environ["ANONYMOUS_CHAT"] = "1"

from chatsite.settings import *  # noqa: E402, F403
from chatsite.settings import DATA_DIR, DATABASES  # noqa: E402

# On disk: an in-memory database is shared between threads by a lock that does not wait.
DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
