"""Models: the protocol that each follows, and the one behind Chat Completions.

`openai_model.py` asks a server; `wire.py` writes messages as its JSON, `turn.py` reads what it streams back.
"""
