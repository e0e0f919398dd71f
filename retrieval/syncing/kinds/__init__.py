"""The kinds of sources that are there without a project declaring any."""
