"""Causal linkage: which levers move the business, and how sure that is."""
