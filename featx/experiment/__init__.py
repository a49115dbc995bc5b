"""Wires the parts: extract, baseline, finetune, report, run, demo.

Each function takes settings, loads at the edge, calls one package after the other and writes runs. May import
everything but ``cli``.
"""
