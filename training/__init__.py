"""Trains the reader that ranks passages again: `make train-reader PAIRS=pairs.jsonl.gz`.

What it was trained on, and how: retrieval/embedding/reader/CARD.md.
"""
