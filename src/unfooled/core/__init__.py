"""The nouns of unfooled: batches, answers, targets, threats, attacks, results. Imports nothing else of the package."""
