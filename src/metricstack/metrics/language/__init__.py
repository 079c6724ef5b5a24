"""The language of definitions: read, checked, hashed."""
