"""Texts become an array: tokens, encoder, store, extraction.

Uses numpy, torch and transformers only, so that it runs on a bare GPU box; torch and transformers are imported
where they are used. Knows nothing of labels, metrics or classifiers. May import ``errors``, ``config``, ``data``.
"""
