"""Addresses of databases without their secrets, and what a driver says when one cannot be reached, with what to do.

A password with signs that should have been written in per cent takes an address apart in the wrong place, and drivers
repeat the pieces: whatever stands before the last ``@`` is taken for user and password, and every piece is left out.
"""

import re
from urllib.parse import parse_qsl, unquote

__all__ = ["masked", "why_unreachable", "without_secrets"]

_SECRETS = ("password", "passwd", "pwd", "token", "access_token", "secret", "api_key", "motherduck_token")
_PIECES = re.compile(r"[/@#:?&=\s]+")
_SHORTEST = 3
"""A shorter piece of a password tells nothing, and would take letters out of the driver's words."""
_REMEDIES = (
    (
        r"cast to integer|invalid port|port number",
        "The port is a number; in a password write / as %2F, @ as %40, : as %3A and # as %23.",
    ),
    (
        r"authentication failed|no password supplied|role .* does not exist",
        "Put user and password right, or leave the password out: it is then taken from ~/.pgpass.",
    ),
    (r"database .* does not exist", "Put the name after the last '/' right."),
    (r"permission denied", "Ask the database's owner for the right to connect."),
    (
        r"refused|timed? ?out|timeout|resolve host|translate host|unreachable|No route",
        "Start the server, or put host and port right.",
    ),
    (r"know how to connect", "PostgreSQL begins with 'postgres://'; for Parquet give the path of a folder."),
    (r"missing dependencies|No module", "Install its driver: `pip install 'ibis-framework[{scheme}]'`."),
)


def masked(address: str) -> str:
    """Write an address without the secrets in it.

    Example:
        >>> masked("postgres://reader:hunter2@db.example.org:5432/telemetry?sslmode=require")
        'postgres://reader:***@db.example.org:5432/telemetry?sslmode=require'
        >>> masked("postgres://reader:hun/ter@2@db/telemetry?password=x")
        'postgres://reader:***@db/telemetry?password=***'
    """
    if "://" not in address:
        return address
    scheme, user, secret, rest = _parts(address)
    place, asked, query = rest.partition("?")
    shown = "&".join(
        f"{key}=***" if key.casefold() in _SECRETS else f"{key}={value}"
        for key, value in parse_qsl(query, keep_blank_values=True)
    )
    who = f"{user}{':***' if secret is not None else ''}@" if user or secret is not None else ""
    return f"{scheme}://{who}{place}{asked if shown else ''}{shown}"


def _parts(address: str) -> tuple[str, str, str | None, str]:
    """Take an address apart: scheme, user, password (None for none), and the rest."""
    scheme, _, rest = address.partition("://")
    place, _, _ = rest.partition("?")
    if "@" in place:
        at = place.rindex("@")
    elif "@" in rest and ":" in place:  # a question mark in a password
        at = rest.rindex("@")
    else:
        return scheme, "", None, rest
    user, colon, secret = rest[:at].partition(":")
    return scheme, user, secret if colon else None, rest[at + 1 :]


def without_secrets(text: str, address: str) -> str:
    """Take an address's secrets, whole and in pieces, out of a text that a driver wrote."""
    _, _, secret, rest = _parts(address)
    whole = [secret or "", *(v for k, v in parse_qsl(rest.partition("?")[2]) if k.casefold() in _SECRETS)]
    pieces = {piece for one in whole for piece in (one, unquote(one), *_PIECES.split(one)) if len(piece) >= _SHORTEST}
    text = text.replace(address, masked(address))
    for piece in sorted(pieces, key=len, reverse=True):
        text = text.replace(piece, "***")
    return text


def why_unreachable(address: str, error: Exception) -> str:
    """Say in one line why an address cannot be reached, without its secrets, and what to do.

    Example:
        >>> why_unreachable("postgres://ada:hunter2@db:1/x", OSError("port 1 of hunter2@db: Connection refused"))
        'port 1 of ***@db: Connection refused. Start the server, or put host and port right.'
    """
    said = (str(error).strip().splitlines() or [type(error).__name__])[0].strip().rstrip(".")
    remedy = next((words for sign, words in _REMEDIES if re.search(sign, said, re.IGNORECASE)), "")
    remedy = remedy.format(scheme=address.partition("://")[0])
    return f"{without_secrets(said, address)}.{' ' if remedy else ''}{remedy}"
