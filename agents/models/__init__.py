"""Models: the protocol that each follows (`model.py`), their settings, and the one behind Chat Completions.

`openai_model.py` asks a server: `requests.py` and `wire.py` write what it is sent, `turn.py` reads what it streams
back. What a provider wants back is kept by `attached.py`; thoughts and calls that come as text are told apart by
`thoughts.py` and `written_calls.py`; `refusals.py` and `windows.py` read what a server does not take, which
`learned.py` remembers. `openai_dicts.py` reads a prompt and a history that are given as such a server has them.
"""
