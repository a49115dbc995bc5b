"""Tiny random checkpoints with a tokenizer made here, and tiny labelled texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

WORDS = (
    "the a train bus food phone movie day was is and very not never always good great lovely awful bad late broken "
    "kind slow fast on time today here i you we they it loved hated okay schedule opens at nine where does ?"
).split()
LABELS = ("negative", "neutral", "positive")
_MARKS = {"negative": ["awful", "bad", "broken", "hated"], "neutral": ["schedule", "opens", "where", "nine"],
          "positive": ["great", "lovely", "good", "loved"]}  # fmt: skip


def make_texts(n: int, seed: int = 0, longest: int = 12) -> tuple[list[str], list[str]]:
    """`n` texts of 2 to `longest` words, no two alike, with a word or two that tell their label."""
    rng = np.random.default_rng(seed)
    marks = {word for words in _MARKS.values() for word in words}
    plain = [word for word in WORDS if word not in marks]
    texts: dict[str, str] = {}
    while len(texts) < n:
        label = LABELS[len(texts) % 3]
        words = list(rng.choice(plain, size=rng.integers(2, longest)))
        words.insert(int(rng.integers(len(words))), str(rng.choice(_MARKS[label])))
        texts.setdefault(" ".join(words), label)
    return list(texts), list(texts.values())


#: Kinds whose positions start behind the padding id 1.
ROBERTA_LIKE = ("roberta", "xlm-roberta", "camembert", "mpnet")


def make_tokenizer(kind: str) -> object:
    """A word-level tokenizer with the special tokens of `kind`."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    roberta = kind in ROBERTA_LIKE
    special = ["<s>", "<pad>", "</s>", "<unk>"] if roberta else ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    cls, pad, sep, unk = ("<s>", "<pad>", "</s>", "<unk>") if roberta else ("[CLS]", "[PAD]", "[SEP]", "[UNK]")
    vocabulary = {token: i for i, token in enumerate([*special, *dict.fromkeys(WORDS)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=unk))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}", special_tokens=[(cls, vocabulary[cls]), (sep, vocabulary[sep])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token=unk, pad_token=pad, cls_token=cls, sep_token=sep, model_max_length=40
    )


def make_config(kind: str, n_tokens: int, layers: int) -> object:
    """Configuration of a tiny encoder of `kind`."""
    from transformers import AutoConfig

    if kind == "distilbert":
        sizes = {"dim": 32, "hidden_dim": 64, "n_heads": 4, "n_layers": layers, "max_position_embeddings": 40}
    else:
        sizes = {
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_attention_heads": 4,
            "num_hidden_layers": layers,
            "max_position_embeddings": 42 if kind in ROBERTA_LIKE else 40,
        }
    if kind == "electra":
        sizes["embedding_size"] = 16
    pad = 1 if kind in ROBERTA_LIKE else 0
    return AutoConfig.for_model(kind, vocab_size=n_tokens, pad_token_id=pad, **sizes)


def make_checkpoint(folder: Path, kind: str = "distilbert", layers: int = 2, seed: int = 0) -> Path:
    """A tiny random encoder of `kind`, saved with its tokenizer."""
    import torch
    from transformers import AutoModel

    from featx.features.checkpoint import quiet_transformers

    torch.manual_seed(seed)
    tokenizer = make_tokenizer(kind)
    model = AutoModel.from_config(make_config(kind, len(tokenizer), layers)).eval()
    with torch.no_grad():
        # Freshly made weights are so small that all texts look alike; larger ones tell texts and tokens apart.
        for name, weight in model.named_parameters():
            if weight.ndim == 2 and "pooler" not in name:
                weight.mul_(5)
    with quiet_transformers():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def write_tweeteval(folder: Path, sizes: tuple[int, int, int] = (60, 15, 30), seed: int = 0) -> Path:
    """A data set in the TweetEval layout with texts of `make_texts`."""
    folder.mkdir(parents=True, exist_ok=True)
    texts, labels = make_texts(sum(sizes), seed)
    (folder / "mapping.txt").write_text("".join(f"{i}\t{name}\n" for i, name in enumerate(LABELS)))
    start = 0
    for split, size in zip(("train", "val", "test"), sizes, strict=True):
        part = slice(start, start + size)
        (folder / f"{split}_text.txt").write_text("\n".join(texts[part]))
        (folder / f"{split}_labels.txt").write_text("\n".join(str(LABELS.index(label)) for label in labels[part]))
        start += size
    return folder
