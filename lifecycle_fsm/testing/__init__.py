"""Tools to test a lifecycle with: people in any stage, checked tables, generated cases, coverage.

They work without pytest; with it, :mod:`lifecycle_fsm.testing.plugin` brings fixtures and options.
"""
