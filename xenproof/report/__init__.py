"""Renders the results of a run: terminal, JUnit, HTML."""
