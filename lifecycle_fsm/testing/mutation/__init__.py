"""Mutants of a model: which small change would no test notice?

>>> from lifecycle_fsm import load
>>> from lifecycle_fsm.testing.mutation import compare, missing_test, mutants
>>> model = load("two_step")
>>> mutant = mutants(model)[0]
>>> print(mutant)
token lead_threshold: threshold: 30 ==> 29
>>> verdict = compare(model, mutant)
>>> verdict.answer.person
{'behavior_score': 29, 'stage': 'contact'}

``missing_test(model, mutant, verdict)`` writes a test for that person. With pytest, the option
``--lifecycle-mutate`` runs a suite against all mutants; see :mod:`.mutation_plugin`.

::

    generator ──> trials ──> mutation_report
    (mutants)     runner     witness
"""

from lifecycle_fsm.testing.mutation.generator import Change, Mutant, mutants
from lifecycle_fsm.testing.mutation.trials import Asked, Verdict, compare
from lifecycle_fsm.testing.mutation.witness import missing_test

__all__ = ["Asked", "Change", "Mutant", "Verdict", "compare", "missing_test", "mutants"]
