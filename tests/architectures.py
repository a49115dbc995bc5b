"""Tiny random checkpoints of many architectures: what is particular to each, beside `tiny.make_checkpoint`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tiny import make_tokenizer

_BERT: dict[str, Any] = {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 64}
_POSITIONS = {"max_position_embeddings": 96}
#: Positions that start behind the padding id 1.
_BEHIND = {"max_position_embeddings": 98, "pad_token_id": 1}

#: Kind to the settings of its configuration. The names with a dash behind the kind are variants of it.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "albert": {**_BERT, **_POSITIONS, "embedding_size": 16},
    "bart": {"d_model": 32, "encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 4,
             "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, **_POSITIONS, "pad_token_id": 1},
    "bert": {**_BERT, **_POSITIONS},
    "big_bird": {**_BERT, **_POSITIONS, "block_size": 2, "num_random_blocks": 1, "attention_type": "block_sparse"},
    "camembert": {**_BERT, **_BEHIND},
    "canine": {**_BERT, "num_hash_functions": 2, "num_hash_buckets": 64, "local_transformer_stride": 16,
               "downsampling_rate": 4, "max_position_embeddings": 96},
    "clip_text_model": {**_BERT, **_POSITIONS},
    "convbert": {**_BERT, **_POSITIONS, "embedding_size": 32},
    "data2vec-text": {**_BERT, **_BEHIND},
    "deberta": {**_BERT, **_POSITIONS, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "deberta-v2": {**_BERT, **_POSITIONS, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "distilbert": {"dim": 32, "hidden_dim": 64, "n_heads": 4, "n_layers": 2, **_POSITIONS},
    "electra": {**_BERT, **_POSITIONS, "embedding_size": 16},
    "ernie": {**_BERT, **_POSITIONS},
    "esm": {**_BERT, "max_position_embeddings": 98, "pad_token_id": 1, "position_embedding_type": "absolute",
            "mask_token_id": 3},
    "fnet": {**_BERT, **_POSITIONS},
    "funnel": {"d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 64, "block_sizes": [1, 1], "block_repeats": [1, 1], "num_decoder_layers": 1,
               "architectures": ["FunnelModel"]},
    "ibert": {**_BERT, **_BEHIND},
    "longformer": {**_BERT, "max_position_embeddings": 98, "pad_token_id": 1, "attention_window": 8},
    "megatron-bert": {**_BERT, **_POSITIONS},
    "mobilebert": {**_BERT, **_POSITIONS, "embedding_size": 16, "intra_bottleneck_size": 32,
                   "true_hidden_size": 32},
    "modernbert": {**_BERT, **_POSITIONS, "global_attn_every_n_layers": 2, "local_attention": 8,
                   "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3},
    "mpnet": {**_BERT, **_BEHIND},
    "mra": {**_BERT, **_POSITIONS, "block_per_row": 2},
    "nystromformer": {**_BERT, **_POSITIONS, "num_landmarks": 8, "segment_means_seq_len": 8},
    "rembert": {**_BERT, **_POSITIONS, "input_embedding_size": 16},
    "roberta": {**_BERT, **_BEHIND},
    "roberta-prelayernorm": {**_BERT, **_BEHIND},
    "roc_bert": {**_BERT, **_POSITIONS, "enable_pronunciation": False, "enable_shape": False},
    "roformer": {**_BERT, **_POSITIONS, "embedding_size": 32},
    "splinter": {**_BERT, **_POSITIONS},
    "squeezebert": {**_BERT, **_POSITIONS, "embedding_size": 32},
    "t5": {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_decoder_layers": 1, "num_heads": 4},
    "umt5": {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_decoder_layers": 1, "num_heads": 4},
    "xlm": {"emb_dim": 32, "n_layers": 2, "n_heads": 4, **_POSITIONS},
    "xlm-roberta": {**_BERT, **_BEHIND},
    "xlm-roberta-xl": {**_BERT, **_BEHIND},
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},
    "xmod": {**_BERT, **_BEHIND, "default_language": "en_XX", "languages": ["en_XX"]},
    "yoso": {**_BERT, **_POSITIONS, "num_hash": 4},
    "gpt2": {"n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 96},
    "llama": {**_BERT, "num_key_value_heads": 2, **_POSITIONS},
    "qwen2": {**_BERT, "num_key_value_heads": 2, **_POSITIONS},
    "gemma3_text": {**_BERT, "num_key_value_heads": 2, "head_dim": 8, **_POSITIONS, "use_bidirectional_attention": True},
    "bros": {**_BERT, **_POSITIONS},
    "layoutlm": {**_BERT, **_POSITIONS},
    "perceiver": {"num_latents": 4, "d_latents": 32, "d_model": 32, "num_blocks": 1, "num_self_attends_per_block": 1,
                  "num_self_attention_heads": 4, "num_cross_attention_heads": 4},
    "reformer": {"hidden_size": 32, "num_attention_heads": 2, "attention_head_size": 16, "attn_layers": ["local", "lsh"],
                 "axial_pos_embds": False, "feed_forward_size": 64, "is_decoder": False, **_POSITIONS},
}  # fmt: skip
_ROBERTA = {"bart", "camembert", "data2vec-text", "esm", "ibert", "longformer", "mpnet", "roberta", "roberta-prelayernorm",
            "xlm-roberta", "xlm-roberta-xl", "xmod"}  # fmt: skip


def make(folder: Path, kind: str, limit: int | None = 40, seed: int = 0, **changes: Any) -> Path:
    """A tiny random encoder of `kind` with large weights, saved with a tokenizer that states `limit`."""
    import torch
    from transformers import AutoConfig, AutoModel

    from featx.features.checkpoint import quiet_transformers

    torch.manual_seed(seed)
    tokenizer: Any = make_tokenizer("roberta" if kind in _ROBERTA else "bert")
    tokenizer.model_max_length = limit or int(1e30)
    settings: dict[str, Any] = {"pad_token_id": 0, "vocab_size": len(tokenizer)} | dict(SETTINGS[kind]) | changes
    if kind == "canine":
        del settings["vocab_size"]
    with quiet_transformers():
        model = AutoModel.from_config(AutoConfig.for_model(kind, **settings)).eval()
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.ndim == 2 and "pooler" not in name:
                    weight.mul_(5)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder
