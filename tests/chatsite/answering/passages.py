"""Two texts about a site's settings and its store, to quote from."""

SETTINGS = """# Configuration

Every setting is an environment variable. It is read once, when the site
starts, and a wrong value stops it.

| Variable | Default | What it does |
| --- | --- | --- |
| `PORT` | 8000 | The port the site listens on. |
| `QDRANT_URL` | empty | Points the site at a Qdrant server instead of the embedded store. |

- `OPENAI_API_KEY`: the key for the language model.
- `CHAT_MODEL`: the model that answers, e.g. one from a vendor.
"""
STORE = """## The store

The store is embedded by default. One process owns it, i.e. a second one is refused.
Backups are copies of the data folder, taken while the site is stopped.
"""
