"""How well a search finds: questions with known answers, what was found, and how sure the figures are."""
