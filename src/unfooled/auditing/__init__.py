"""The audit: what it works on, who judges, what is kept."""
