"""Incidents and what belongs to them: the store, queries, the context, War Room entries, files, and the mapping preview."""
