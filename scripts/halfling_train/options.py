"""Values of command line options, for argparse's `type`: what is out of range is refused there."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import TypeVar

Number = TypeVar("Number", int, float)


def checked(
    read: Callable[[str], Number], expected: str, holds: Callable[[Number], bool]
) -> Callable[[str], Number]:
    """`read` for values that `holds` is true of; ArgumentTypeError says what was `expected`."""

    def value(text: str) -> Number:
        try:
            number = read(text)
        except ValueError:
            number = float("nan")  # which no comparison holds of
        if not holds(number):
            raise ArgumentTypeError(f"expected {expected}, not {text}")
        return number

    return value


INFINITY = float("inf")
count_from_0 = checked(int, "a whole number from 0", lambda n: n >= 0)
count_from_1 = checked(int, "a whole number from 1", lambda n: n >= 1)
beam_width = checked(
    int, "a whole number from 10, the items that metrics are of", lambda n: n >= 10
)
number_from_0 = checked(float, "a number from 0", lambda x: 0 <= x < INFINITY)
number_above_0 = checked(float, "a number above 0", lambda x: 0 < x < INFINITY)
share = checked(float, "a number from 0 to 1", lambda x: 0 <= x <= 1)
share_below_1 = checked(float, "a number from 0 and below 1", lambda x: 0 <= x < 1)
share_above_0 = checked(float, "a number above 0 and up to 1", lambda x: 0 < x <= 1)
share_between = checked(float, "a number above 0 and below 1", lambda x: 0 < x < 1)
