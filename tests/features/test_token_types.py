"""Token types, and [CLS] where it stands: what the tokenizer and the model plainly give together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from architectures import make
from tiny import make_texts
from transformers import AutoModel, AutoTokenizer

from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.features.extraction import Extractor
from featx.features.token_types import TokenTypes
from featx.settings import ComputeSettings, Device, FeatureSettings, Pooling

TEXTS = make_texts(9, longest=30)[0]
#: How the tokenizer of a kind puts special tokens around a text, each with its type; where [CLS] stands.
TEMPLATES = {
    "xlnet": ("$A:0 [SEP]:0 [CLS]:2", -1),
    "funnel": ("[CLS]:2 $A:0 [SEP]:0", 0),
    "bert": ("[CLS]:0 $A:0 [SEP]:0", 0),
    "electra": ("[SEP]:0 [CLS]:1 $A:1 [SEP]:0", 1),
    "xlm": ("[CLS]:0 $A:0 [SEP]:0", 0),
    "gpt2": ("$A:0 [CLS]:0", -1),
    "mpnet": ("<s>:0 $A:0 </s>:0", 0),  # the model has none
}

pytestmark = pytest.mark.filterwarnings("ignore::featx.errors.FeatxWarning")


@pytest.fixture(scope="module", params=TEMPLATES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    made = make(tmp_path_factory.mktemp("typed") / kind, kind)
    own = AutoTokenizer.from_pretrained(made).backend_tokenizer
    cls, sep = ("<s>", "</s>") if kind == "mpnet" else ("[CLS]", "[SEP]")
    own.post_processor = processors.TemplateProcessing(
        single=TEMPLATES[kind][0], special_tokens=[(name, own.token_to_id(name)) for name in (cls, sep)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=own, cls_token=cls, sep_token=sep, pad_token=own.id_to_token(1 if kind == "mpnet" else 0),
        model_max_length=40, model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    ).save_pretrained(made)  # fmt: skip
    return made


def plain(folder: Path, kind: str, pooling: Pooling) -> np.ndarray:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    vectors = []
    for text in TEXTS:
        inputs = tokenizer(text, return_tensors="pt")
        assert "token_type_ids" in inputs
        if kind == "mpnet":
            del inputs["token_type_ids"]
        with torch.inference_mode():
            hidden = model(**inputs).last_hidden_state[0]
        place = inputs["input_ids"][0].tolist().index(tokenizer.cls_token_id)
        vectors.append(hidden.mean(dim=0) if pooling is Pooling.MEAN else hidden[place])  # auto is last in GPT-2
    return torch.stack(vectors).numpy()


@pytest.mark.parametrize("pooling", [Pooling.AUTO, Pooling.CLS, Pooling.MEAN], ids=lambda pooling: pooling.value)
def test_vectors_are_those_of_tokenizer_and_model(kind: str, folder: Path, pooling: Pooling) -> None:
    features, checkpoint = FeatureSettings(pooling=(pooling,)), find_checkpoint(str(folder), Path("unused"))
    encoder = load_encoder(checkpoint, features, ComputeSettings(Device.CPU, batch_tokens=100))
    made = Extractor(encoder, checkpoint, features, None)
    assert encoder.tokenizer.cls_place == TEMPLATES[kind][1]
    expected = plain(folder, kind, made.specs[0].pooling)
    vectors = made.encode(TEXTS).gather()
    assert np.abs(vectors - expected).max() < 2e-6 * np.abs(expected).max()


def test_names_change_where_version_0_1_stored_other_vectors(kind: str, folder: Path) -> None:
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    features = FeatureSettings(pooling=(Pooling.CLS, Pooling.MEAN))
    if kind == "gpt2":  # whose [CLS] is at the end
        features = FeatureSettings(pooling=(Pooling.CLS, Pooling.LAST))
    encoder = load_encoder(checkpoint, features, ComputeSettings(Device.CPU))
    of_cls, of_other = (
        spec.checkpoint != checkpoint.digest for spec in Extractor(encoder, checkpoint, features, None).specs
    )
    assert of_cls == (kind not in ("bert", "mpnet"))
    assert of_other == (kind not in ("bert", "mpnet"))


def test_types_of_a_batch() -> None:
    types = TokenTypes((3,), 0, (1, 2))
    assert types.of([4, 5], 6).tolist() == [[3, 0, 1, 2, 0, 0], [3, 0, 0, 1, 2, 0]]
    assert types.count_for("bert")
    assert not TokenTypes((0,), 0, (0,)).count_for("bert")
