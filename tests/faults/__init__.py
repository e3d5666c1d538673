"""Faults on purpose: mutated inputs, hostile files and kills at random moments, each campaign from a seed.

`make faults` runs them for minutes; a small sample of each is in the suite.
"""
