"""How well a search finds: questions with known answers, measures with their uncertainty. Pure but for `run` and `site`."""
