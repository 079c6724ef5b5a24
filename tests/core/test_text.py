"""What text from telemetry may do: nothing but be read."""

from metricstack.core.text import aside, seen


def test_a_control_character_is_shown_by_its_picture() -> None:
    # Unicode has a picture of each of the 32 controls at U+2400 plus its number, and of delete at U+2421.
    assert seen("\x00\x07\x08\r\x1b\x7f") == "␀␇␈␍␛␡"
    assert seen("\x9b31m") == "\ufffd31m"  # the one-byte form of ESC [


def test_marks_that_turn_the_direction_of_writing_are_shown_and_letters_are_not_touched() -> None:
    assert seen("\u202egnp.exe\u202c \u2067x") == "\ufffdgnp.exe\ufffd \ufffdx"
    assert seen("שלום 東京 é 👩\u200d💻\n\t") == "שלום 東京 é 👩\u200d💻\n\t"


def test_what_no_file_can_hold_is_shown() -> None:
    assert seen("a\ud800\ufffe\uffff") == "a\ufffd\ufffd\ufffd"
    seen("\ud800").encode()


def test_a_name_from_right_to_left_is_set_apart_and_stays_so() -> None:
    assert seen(aside("שלום")) == "\u2068שלום\u2069"
    assert aside("eu") == "eu"
