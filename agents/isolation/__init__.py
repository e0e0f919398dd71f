"""Isolation: an agent in a process of its own, which can be killed, or in another Python environment.

Cancellation reaches what awaits. It does not reach a tool that blocks in C or holds the interpreter in a busy loop;
only a signal ends that. So a warm worker process makes the agent itself, from a `Recipe`, and runs it; at the deadline
it is terminated, then killed, and another one takes its place.

`tiers.py` has the doors and goes from one tier to the next; `processes.py` keeps the workers, `threads.py` runs an
agent on a thread. `own_worker.py` is what a worker of this environment does, `foreign_worker.py` one of another, and
`protocols.py` how each is spoken to.
"""
