"""How rows of a site's own models are followed, and what their rights cost a search.

    python -m benchmarks.rows followed [--rows 20000]
    python -m benchmarks.rows searched [--rows 100000]
    python -m benchmarks.rows killed [--rows 400] [--kills 40]

Each in a copy of `examples/newsroom`, whose articles are sentences of Python's standard library.

`followed`: the first sync (rows a second, memory), then reading and embedding; the comparison when nothing has changed;
the time from a save to a search that finds it. `searched`: `search()` with rights by row beside the same where every
row is everybody's, in turns; the rows' documents are written straight into database and index, with vectors of hashed
words, as reading them would take an hour. `killed`: a process that changes rows by save, bulk_create, update and SQL,
syncs and reads them is killed at random moments; at the end rows, documents, chunks and points are compared.
"""
