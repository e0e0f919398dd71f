"""Documents compared with each other: what contradicts, and what stands there twice."""
