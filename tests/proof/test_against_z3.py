"""The search and z3 give the same verdicts, where both decide."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import HealthCheck, assume, example, given, settings

from lifecycle_fsm.guard import Arithmetic, Guard, inline, parse_guard, resolve, term_type, walk
from lifecycle_fsm.proof import Domain, solve
from tests.guard.trees import GUARDS, NOW, VOCABULARY, oracle
from tests.proof.test_search import somebody

pytest.importorskip("z3")
DOMAIN = Domain(VOCABULARY, now=NOW)


def computes_with_decimals(guard: Guard) -> bool:
    """Decimals round and real numbers do not, so that the two may well differ."""
    written_out = inline(resolve(guard, VOCABULARY), VOCABULARY)
    everything = attrs.evolve(VOCABULARY, in_effect=True)
    for node in walk(written_out):
        if isinstance(node, Arithmetic):
            found = term_type(node, everything)
            if found is None or found.kind == "float":
                return True
    return False


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(GUARDS)
def test_the_verdicts_agree(guard: Guard) -> None:
    assume(not computes_with_decimals(guard))
    one, other = solve(guard, DOMAIN), solve(guard, DOMAIN, prover="z3")
    if "undecided" not in (one.verdict, other.verdict):
        assert one.verdict == other.verdict
    if other.found:
        assert oracle(guard, somebody(other))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(GUARDS)
# Without the ratio the score is not needed either, nor the other way round.
@example(parse_guard("not score - $threshold > ratio - score"))
def test_of_what_z3_finds_nothing_is_set_that_need_not_be(guard: Guard) -> None:
    answer = solve(guard, DOMAIN, prover="z3")
    for name in answer.person:
        person = somebody(answer)
        setattr(person, name, DOMAIN.start_of(name))
        assert not oracle(guard, person)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("score + bonus >= 10 and score - bonus >= 10 and score + bonus < 10", "refuted"),
        ("score + bonus == 10 and score - bonus == 4", "found"),
        ("score + bonus == 10 and score - bonus == 3", "refuted"),
        ("score - 1 >= score", "found"),  # at the end of 64 bits
        ("score + bonus < score and bonus > 0", "refuted"),
        ("score * 9223372036854775807 == 9223372036854775807 and score > 1", "found"),
        ("score * 0.5 == 1 and score * 1.5 == 4", "found"),
        ("score * 0.5 == 1 and score * 1.5 == 5", "refuted"),
    ],
)
def test_z3_decides_what_the_search_cannot(text: str, verdict: str) -> None:
    guard = parse_guard(text)
    assert solve(guard, DOMAIN).verdict in ("undecided", verdict)
    assert solve(guard, DOMAIN, prover="both").verdict == verdict
