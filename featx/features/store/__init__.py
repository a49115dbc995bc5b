"""A store of features keyed by text: immutable shards that exist once their manifest does.

Knows of digests and arrays only, not of texts or models.
"""

from featx.features.store.store import FeatureStore, FeatureView

__all__ = ["FeatureStore", "FeatureView"]
