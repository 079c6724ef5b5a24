"""What addresses promise: no secret in any message, however it was mistyped, and what to do beside the fault."""

import pytest

from metricstack.telemetry.addresses import masked, why_unreachable
from metricstack.telemetry.engines import engine_fault

# Written by hand: what stands between the first colon and the last @ is a password, whatever signs are in it.
ADDRESSES = [
    ("postgres://ada:hunter2@db/x", "postgres://ada:***@db/x"),
    ("postgres://ada:hunter2/se@cret@db/x", "postgres://ada:***@db/x"),
    ("postgres://ada:hunter2#cret@db/x", "postgres://ada:***@db/x"),
    ("postgres://ada:hunter2 cret@db/x", "postgres://ada:***@db/x"),
    ("postgres://ada:hunter2?cret@db/x", "postgres://ada:***@db/x"),
    ("postgres://ada@db/x?password=hunter2&sslmode=require", "postgres://ada@db/x?password=***&sslmode=require"),
    ("postgres://db/x", "postgres://db/x"),
    ("postgres://db/x?options=a@b", "postgres://db/x?options=a@b"),
    ("catalog:lake.telemetry", "catalog:lake.telemetry"),
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_no_secret_is_shown_however_it_was_typed(address: str, shown: str) -> None:
    assert masked(address) == shown


@pytest.mark.parametrize("address", [address for address, _ in ADDRESSES if "hunter2" in address])
def test_what_a_driver_repeats_of_a_password_is_taken_out(address: str) -> None:
    said = why_unreachable(address, ValueError(f"Port could not be cast to integer value as 'hunter2' in {address}"))
    assert "hunter2" not in said
    assert "cret" not in said


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("connection to 127.0.0.1 failed: Connection refused", "Start the server"),
        ('FATAL:  password authentication failed for user "ada"', "~/.pgpass"),
        ('FATAL:  database "nope" does not exist', "after the last '/'"),
        ("Port could not be cast to integer value as 'x'", "%2F"),
        ("Failed to import the mysql backend due to missing dependencies.", "ibis-framework[mysql]"),
    ],
)
def test_each_fault_is_followed_by_what_to_do(reason: str, remedy: str) -> None:
    said = why_unreachable("mysql://ada:hunter2@db/x", OSError(f"{reason}\nDETAIL: more"))
    assert remedy in said
    assert "\n" not in said


def test_a_wrong_engine_is_answered_with_the_nearest_and_postgresql_with_how_it_is_chosen() -> None:
    assert "Did you mean 'spark'?" in str(engine_fault("sprak", "data"))
    assert "postgres://USER@HOST/NAME" in str(engine_fault("postgres", "data"))
    assert "no such master 'lokal[2]'" in str(engine_fault("spark:lokal[2]", "data"))
    for good in ("spark", "spark:local", "spark:local[*]", "spark:local[4,2]", "spark:yarn", "spark://10.0.0.7:7077"):
        assert engine_fault(good, "data") is None
