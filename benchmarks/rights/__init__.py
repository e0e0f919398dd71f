"""Random states of who may read what, against every surface that shows something of a document.

    python -m benchmarks.rights --states 10000

Each document says words that stand nowhere else, so that a response tells by itself what it shows. `model.py` says who
may read what in plain Python, `world.py` writes a state into the database, `surfaces.py` looks at the surfaces. A leak
is a word of a document that whoever looks may not read; missing is a word of what was answered, or is asked for, that
they may.
"""
