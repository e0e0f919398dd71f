"""Workflows: steps in a YAML file, run by their needs. Each state is recorded when it is reached, so that a killed run
goes on where it stopped, and can be replayed without a model.

`workflow.py` runs one; `file.py` reads and checks it (`yaml.py` knows the lines, `values.py` what `${…}` means);
`registry.py` holds the functions it may name; `checkpoints.py` is the record.
"""
