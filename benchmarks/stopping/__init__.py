"""Seven cheap ways to stop the site, and what they do to it: `python -m benchmarks.stopping`."""
