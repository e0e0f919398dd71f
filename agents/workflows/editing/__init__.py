"""Edit the text of a workflow: cards and choices for a page, and changes that leave what they don't touch as it is.

`cards.py` reads a text as cards; `changes.py` changes it, on the `text.py` that knows where everything stands
(`writing.py` writes what is new); `choices.py` says what may be picked for a step.
"""
