"""Workflows in the admin: cards to build one, what it may name, its runs, versions, and what waits for a person."""
