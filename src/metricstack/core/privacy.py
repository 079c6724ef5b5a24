"""How personal a column is, and what that allows."""

from enum import StrEnum

__all__ = ["PrivacyClass"]


class PrivacyClass(StrEnum):
    """What a column may say about a person."""

    PUBLIC = "public"
    """Says nothing of a person: a model's name, a duration."""
    INTERNAL = "internal"
    """The organisation's own: costs, revenue, text labels that people typed."""
    IDENTIFIER = "identifier"
    """Names a person or a tenant: a keyed hash from the moment it is read, never shown."""
