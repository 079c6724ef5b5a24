"""Objectives, their error budgets and how fast those burn."""
