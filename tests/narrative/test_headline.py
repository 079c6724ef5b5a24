"""What `headline` promises: gains first, then losses, then what cannot be said; every measure is counted once."""

from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.values import Answer, Estimate, Reason, Refusal
from metricstack.narrative import Moved, headline
from metricstack.numerics.change import Better, change

MISSING = Refusal(Reason.MISSING_TABLE, "there is no table 'feedback'", "Load feedback.")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def counted(value: float) -> Estimate:
    return Estimate(value, unit="count", n=10, method="census")


def unsure(value: float) -> Estimate:
    return Estimate(value, unit="count", n=10, method="mean", low=value - 99, high=value + 99, level=0.95)


def moved(title: str, before: Answer, after: Answer, better: Better = "higher", **facts: object) -> Moved:
    return Moved(title, change(before, after, better=better), **facts)  # type: ignore[arg-type]


GAIN = moved("Conversion", counted(10), counted(12))
LARGER_GAIN = moved("Sessions", counted(10), counted(15), use_case="support copilot")
LOSS = moved("Incidents", counted(4), counted(5), "lower", target=4.0)
STEADY = moved("Trust", unsure(5), unsure(6))
UNKNOWN = moved("Relevance", MISSING, MISSING)
NEW = moved("Retention", MISSING, counted(5))


def test_the_sentence_names_the_largest_moves_first_and_counts_every_measure() -> None:
    told = headline([GAIN, LOSS, STEADY, UNKNOWN, LARGER_GAIN], period="2026Q3")
    assert plain(told.sentence) == (
        "Sessions (support copilot) rose by 50.0 %, the largest of 2 measures that got better in 2026Q3 "
        "against the quarter before; Incidents rose by 25.0 %, the only measure that got worse; "
        "1 showed no clear change; 1 cannot be compared."
    )


def test_the_bullets_begin_with_the_largest_gain_and_end_with_what_cannot_be_said() -> None:
    told = headline([UNKNOWN, LOSS, GAIN, LARGER_GAIN], period="2026Q3")
    assert [plain(bullet) for bullet in told.bullets] == [
        "Sessions (support copilot) rose from 10 to 15, which is better (+50.0 %; counted in full in both periods).",
        "Conversion rose from 10 to 12, which is better (+20.0 %; counted in full in both periods).",
        "Incidents rose from 4 to 5, which is worse (+25.0 %; counted in full in both periods).",
        "0 of 1 targets met; 1 missed (Incidents).",
        "Cannot be compared: Relevance: there is no table 'feedback'.",
    ]


def test_without_a_gain_it_says_so_first() -> None:
    told = headline([LOSS, STEADY], period="2026Q3")
    assert plain(told.sentence) == (
        "None of the 2 measures got clearly better in 2026Q3 than in the quarter before; "
        "Incidents rose by 25.0 %, the only measure that got worse; 1 showed no clear change."
    )
    told = headline([LOSS], period="2026Q3")
    assert told.sentence.startswith("The one measure did not get clearly better in 2026Q3")


def test_a_quiet_quarter_tells_what_held() -> None:
    told = headline([STEADY], period="2026Q3")
    assert told.bullets[0].startswith("Trust showed no clear change")


def test_a_first_quarter_has_numbers_but_no_comparison() -> None:
    assert headline([NEW, UNKNOWN], period="2026Q3").sentence == (
        "1 of 2 measures has a number for 2026Q3, but nothing can be compared with the quarter before."
    )


def test_nothing_known_is_said_in_words() -> None:
    assert headline([UNKNOWN, UNKNOWN], period="2026Q3").sentence == ("None of the 2 measures can be given for 2026Q3.")
    assert headline([UNKNOWN], period="2026Q3").sentence == "The one measure cannot be given for 2026Q3."
    assert headline([], period="2026Q3").sentence == "Nothing was measured in 2026Q3, so nothing can be said about it."


def test_long_lists_of_the_unknown_are_counted_not_recited() -> None:
    board = [moved(f"M{number}", MISSING, MISSING) for number in range(9)]
    assert headline(board, period="2026Q3").bullets[-1].startswith("Cannot be compared: M0, M1, M2 and 6 more (M0: ")


@given(st.lists(st.sampled_from([GAIN, LARGER_GAIN, LOSS, STEADY, UNKNOWN, NEW]), max_size=30))
def test_every_measure_lands_in_one_group_and_bullets_stay_few(board: list[Moved]) -> None:
    told = headline(board, period="2026Q3")
    groups = [*told.better, *told.worse, *told.steady, *told.unknown]
    assert sorted(m.title for m in groups) == sorted(m.title for m in board)
    assert len(told.bullets) <= 6
    assert all(a.change.size >= b.change.size for a, b in zip(told.better, told.better[1:], strict=False))


def test_targets_met_within_the_noise_are_not_counted_as_met() -> None:
    met = moved("Met", counted(4), counted(5), target=4.0)
    missed = moved("Missed", counted(4), counted(5), target=9.0)
    close = moved("Close", unsure(5), unsure(6), target=5.5)
    told = headline([met, missed, close], period="2026Q3")
    assert "1 of 3 targets met; 1 missed (Missed); 1 too close to call." in told.bullets


def test_targets_beyond_the_board_are_counted_where_they_are_given() -> None:
    missed = moved("Audit", counted(4), counted(5), target=9.0)
    told = headline([GAIN], period="2026Q3", promised=[GAIN, missed])
    assert "0 of 1 targets met; 1 missed (Audit)." in told.bullets
