"""Workflows that run by themselves: at a time, or when a document is ready."""
