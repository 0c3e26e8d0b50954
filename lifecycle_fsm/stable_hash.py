"""A number for each person that is the same on every machine and in every engine [S16].

The number of a person never changes::

    n = the first 15 hexadecimal digits of SHA-256(seed + ":" + id), in UTF-8, as an integer

Fifteen digits are 60 bits, so that the number fits a signed 64-bit integer. In PostgreSQL and in
Spark::

    ('x' || left(encode(sha256(convert_to(seed || ':' || id, 'UTF8')), 'hex'), 15))::bit(60)::bigint
    cast(conv(substr(sha2(concat(seed, ':', id), 256), 1, 15), 16, 10) as bigint)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

BUCKETS = 10_000


def stable_number(seed: str | int, person: str) -> int:
    """The number of a person under a seed, from 0 to 2**60 - 1.

    >>> stable_number("2024", "p-1")
    827559232847864498
    """
    return int(hashlib.sha256(f"{seed}:{person}".encode()).hexdigest()[:15], 16)


def bucket(seed: str | int, person: str) -> int:
    """One of 10,000 buckets, evenly filled.

    >>> bucket("2024", "p-1")
    4498
    """
    return stable_number(seed, person) % BUCKETS


def stable_choice(options: Sequence[T], seed: str | int, person: str) -> T:
    """One of the options, evenly distributed and always the same for a person: a round robin
    without a counter. The order of the options matters: ``options[n mod len(options)]``.

    >>> stable_choice(["ada", "grace"], "2024", "p-1")
    'ada'
    """
    return options[stable_number(seed, person) % len(options)]
