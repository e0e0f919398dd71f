"""Every case that the site must survive has a test, or says why it has none."""

from __future__ import annotations

import pytest

from tests.cases import KNOWN, numbers_in, proofs, table


def test_every_case_has_a_test_or_a_reason() -> None:
    proven = proofs()
    assert list(KNOWN) == [*range(1, 47), *range(51, 93), *range(101, 141)]
    assert [number for number, case in KNOWN.items() if not proven.get(number) and not case.reason] == []
    assert [number for number in proven if number not in KNOWN] == []


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("test_case_07_08_documents_of_others_are_nowhere", {7, 8}),
        ("test_case_34_and_36_a_member_with_a_hostile_name", {34, 36}),
        ("test_case_56_to_59_silence_ends", {56, 57, 58, 59}),
        ("test_case_51_429_waits", {51}),
        ("test_cases_54_69_refusal", {54, 69}),
        ("test_200000_characters", set()),
    ],
)
def test_name_says_which_cases_it_proves(name: str, numbers: set[int]) -> None:
    assert numbers_in(name) == numbers


def test_table_shows_result_tests_and_reason() -> None:
    rows = table(
        {1: {"test_x.py::test_case_01_it": {"passed", "failed"}}, 2: {"test_x.py::test_case_02_it": {"passed"}}}
    )
    assert rows[0].startswith("   1  failed ")
    assert rows[1].strip() == "test_x.py::test_case_01_it"
    assert rows[2].startswith("   2  passed ")
    assert any(row.strip().startswith("why: Its weights") for row in rows)
    without = sum(bool(case.reason) for case in KNOWN.values())
    counted = f"1 failed, {without} no test, {len(KNOWN) - 2 - without} not run, 1 passed"
    assert rows[-1] == f"{len(KNOWN)} cases: {counted}"
