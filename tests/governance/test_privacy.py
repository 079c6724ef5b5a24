"""What a privacy key promises: the same hash for the same id, another under another key, and never itself."""

import hashlib
import pickle
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core import ConfigurationError, InvalidInput, WorkspaceError
from metricstack.governance import SMALLEST_GROUP, PrivacyKey

SECRET = b"0123456789abcdef0123456789abcdef"


def test_a_hash_is_blake2b_keyed_with_the_condensed_secret() -> None:
    # RFC 7693 keyed mode, by Python's hashlib: the secret's own BLAKE2b digest is the key.
    expected = hashlib.blake2b(b"ada", key=hashlib.blake2b(SECRET).digest(), digest_size=16).hexdigest()
    assert PrivacyKey(SECRET).hash("ada") == expected
    assert len(expected) == 32


@given(st.text(), st.text())
def test_equal_ids_have_equal_hashes_and_others_do_not(one: str, other: str) -> None:
    key = PrivacyKey(SECRET)
    assert (key.hash(one) == key.hash(other)) == (one == other)


@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), max_size=30))
def test_a_column_is_hashed_as_its_values_are_and_null_stays_null(ids: list[str | None]) -> None:
    key = PrivacyKey(SECRET)
    expected = [None if each is None else key.hash(each) for each in ids]
    assert key.hash_array(pa.array(ids, pa.string())).to_pylist() == expected
    chunked = pa.chunked_array([pa.array(ids[:3], pa.string()), pa.array(ids[3:], pa.string())])
    assert key.hash_array(chunked).to_pylist() == expected


def test_half_of_a_surrogate_pair_has_a_hash_of_its_own() -> None:
    key = PrivacyKey(SECRET)
    assert len({key.hash(each) for each in ("\ud800x", "\udfffx", "x", "?x")}) == 4


def test_another_key_gives_another_hash() -> None:
    assert PrivacyKey(SECRET).hash("ada") != PrivacyKey(SECRET[::-1]).hash("ada")


def test_the_key_shows_itself_nowhere() -> None:
    key = PrivacyKey(SECRET)
    assert SECRET.decode() not in repr(key) + str(key)
    with pytest.raises(TypeError, match="not to be written down"):
        pickle.dumps(key)


def test_a_key_is_read_from_a_file_beside_the_workspace_or_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my.key").write_bytes(SECRET + b"\n")
    monkeypatch.setenv("MY_KEY", SECRET.decode())
    expected = PrivacyKey(SECRET).hash("ada")
    assert PrivacyKey.read({"file": "my.key"}, tmp_path).hash("ada") == expected
    assert PrivacyKey.read({"env": "MY_KEY"}, tmp_path).hash("ada") == expected


def test_a_new_key_is_for_its_owner_alone_and_an_old_one_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "privacy.key"
    first = PrivacyKey.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert PrivacyKey.create(path).hash("ada") == first.hash("ada")
    assert [each.name for each in tmp_path.iterdir()] == ["privacy.key"]


def test_a_short_key_is_refused_with_what_is_needed() -> None:
    with pytest.raises(InvalidInput, match="5 bytes; at least 16 are needed"):
        PrivacyKey(b"short")


@pytest.mark.parametrize(
    ("reference", "error", "said"),
    [
        ({}, ConfigurationError, "names no privacy key"),
        ({"env": "NOT_SET_ANYWHERE"}, WorkspaceError, "'NOT_SET_ANYWHERE'.* is not set"),
        ({"file": "gone.key"}, WorkspaceError, "gone.key cannot be read"),
        ({"file": "empty.key"}, WorkspaceError, "empty.key is empty"),
        ({"file": "binary.key"}, WorkspaceError, "not UTF-8 text"),
    ],
)
def test_a_key_that_cannot_be_read_is_a_clear_error(
    tmp_path: Path, reference: dict[str, str], error: type[Exception], said: str
) -> None:
    (tmp_path / "empty.key").write_text("\n")
    (tmp_path / "binary.key").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(error, match=said):
        PrivacyKey.read(reference, tmp_path)


def test_a_group_of_fewer_than_five_is_withheld() -> None:
    assert SMALLEST_GROUP == 5  # the design names it
