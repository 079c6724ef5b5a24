"""What the formula language promises: trees by hand, one canonical form, errors with their place, nothing evaluated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.metrics.language.formula import (
    FUNCTIONS,
    Binary,
    Call,
    Condition,
    FormulaError,
    Name,
    Negative,
    Node,
    Number,
    parse,
    write_tree,
)


def test_a_ratio_by_hand() -> None:
    assert parse("sum(cost) / count(successful)") == Binary(
        "/", Call("sum", (Name("cost"),)), Call("count", (Name("successful"),))
    )


def test_products_bind_tighter_than_sums_and_both_from_the_left() -> None:
    assert write_tree(parse("1 - 2 - 3 * 4 / 5")) == "((1.0 - 2.0) - ((3.0 * 4.0) / 5.0))"
    assert write_tree(parse("-(a + b) * c")) == "((-(a + b)) * c)"


def test_conditions_stand_in_the_call_and_their_order_does_not_matter() -> None:
    found = parse("mean(partial where critical and not healthy)")
    assert isinstance(found, Call)
    assert found.where == Condition(((Name("critical"), True), (Name("healthy"), False)))
    other = parse("mean(partial where not healthy and critical)")
    assert write_tree(found) == write_tree(other) == "mean(partial where critical and not healthy)"


def test_blanks_and_needless_brackets_change_nothing() -> None:
    assert parse(" ( sum( cost ) )/\n(count(successful)) ") == parse("sum(cost)/count(successful)")


def test_keys_stand_behind_the_first_argument_and_are_written_there() -> None:
    found = parse("quantile(cost per user and day, 0.95 where successful)")
    assert found == Call(
        "quantile", (Name("cost"), Number(0.95)), Condition(((Name("successful"), True),)), (Name("user"), Name("day"))
    )
    assert write_tree(found) == "quantile(cost per user and day, 0.95 where successful)"


def test_an_age_is_of_the_newest_and_keeps_its_condition() -> None:
    found = parse("age( max(finished where not failed) )")
    assert found == Call("age", (Name("finished"),), Condition(((Name("failed"), False),)))
    assert parse(write_tree(found)) == found


def test_several_columns_name_one_item() -> None:
    found = parse("kappa(good, dataset and item, rater where by_human)")
    assert isinstance(found, Call)
    assert found.arguments[1] == Call("columns", (Name("dataset"), Name("item")))
    assert found.where == Condition(((Name("by_human"), True),))
    assert write_tree(found) == "kappa(good, dataset and item, rater where by_human)"


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("sum(cost", r"'\)' expected, not the end \(at character 9"),
        ("summ(cost)", r"Unknown function 'summ'\. Did you mean 'sum'\? \(at character 1"),
        ("1 + wibble(x)", r"Unknown function 'wibble'\. Functions: sum, count.*\(at character 5"),
        ("sum(cost) sum(cost)", r"an operator or the end expected, not 'sum' \(at character 11"),
        ("", r"a number, a name or a function expected, not the end"),
        ("quantile(latency)", r"quantile\(x, p\).*given 1 arguments"),
        ("days(3)", r"days\(\).*given 1 arguments"),
        ("sum(cost where)", r"the name of a flag expected"),
        ("assumed(x where y)", r"assumed takes no 'where'"),
        ("sum(cost per user)", r"sum takes no 'per'; mean, median, quantile, stddev do \(at character 1"),
        ("mean(cost per)", r"the name of a column expected, not '\)' \(at character 14"),
        ("mean(cost per user and)", r"the name of a column expected"),
        ("mean(per per user)", r"a number, a name or a function expected, not 'per'"),
        ("age(finished)", r"age\(max\(x where …\)\) takes the newest instant of a column"),
        ("survival(latency)", r"survival\(time, observed, p\).*given 1 arguments"),
        ("kappa(good, 1 + item, rater)", r"the name of a column expected, not '1'"),
        ("pass_at(ok, task)", r"pass_at\(flag, task, k\).*given 2 arguments"),
        ("a ** b", r"a number, a name or a function expected, not '\*'"),
        ("__import__('os')", r"\"'\" is not part of the language \(at character 12"),
        ("cost.real", r"'.' is not part of the language"),
        ("[x for x in y]", r"'\[' is not part of the language"),
    ],
)
def test_what_is_not_in_the_language_is_named_with_its_place(formula: str, said: str) -> None:
    with pytest.raises(FormulaError, match=said):
        parse(formula)


def test_a_python_call_is_an_unknown_function_and_never_runs() -> None:
    with pytest.raises(FormulaError, match="Unknown function 'exit'"):
        parse("exit(1)")


names = st.sampled_from(["cost", "latency", "successful"])
trees = st.recursive(
    st.builds(Number, st.floats(0, 1e6)) | st.builds(Name, names),
    lambda inner: (
        st.builds(Negative, inner)
        | st.builds(Binary, st.sampled_from("+-*/"), inner, inner)
        | st.builds(lambda x, n: Call("sum", (x,), Condition(((Name(n), True),))), inner, names)
        | st.builds(lambda x, n: Call("mean", (x,), Condition(((Name(n), False),)), (Name(n),)), inner, names)
        | st.builds(lambda x, n: Call("survival", (x, Name(n), Number(0.9))), inner, names)
        | st.builds(lambda n: Call("alpha", (Name(n), Call("columns", (Name(n), Name("item"))), Name(n))), names)
    ),
    max_leaves=12,
)


@given(trees)
def test_what_is_written_is_read_back_as_the_same_tree(tree: Node) -> None:
    assert parse(write_tree(tree)) == tree


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused_with_a_place_inside_it(text: str) -> None:
    try:
        parse(text)
    except FormulaError as error:
        assert 0 <= error.position <= len(text)  # noqa: PT017


def test_every_function_is_documented_by_its_own_signature() -> None:
    assert all(about.startswith(f"{name}(") for name, about in FUNCTIONS.items())
