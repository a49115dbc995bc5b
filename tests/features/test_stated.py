"""What a checkpoint says of itself, in all layouts of sentence-transformers' files, and what is made of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from featx.errors import CheckpointError, FeatxWarning, SettingsError
from featx.features.checkpoint import find_checkpoint
from featx.features.resolving import in_words, resolve_features
from featx.features.stated import Stated, stated_by
from featx.settings import Checkpoint, FeatureSettings, Pooling

OLD, NEW = "sentence_transformers.models", "sentence_transformers.sentence_transformer.modules.pooling"
COMMIT = "c" * 40


def write(folder: Path, name: str, content: object) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def modules(*steps: str, transformer: str = "", prefix: str = OLD) -> list[dict[str, Any]]:
    kinds = ["Transformer", *steps]
    return [
        {"idx": k, "name": str(k), "path": f"{k}_{kind}" if k else transformer, "type": f"{prefix}.{kind}"}
        for k, kind in enumerate(kinds)
    ]


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    """A DistilBERT of 40 positions with files as sentence-transformers wrote them before version 5."""
    made = Path(shutil.copytree(tiny, tmp_path / "model"))
    write(made, "modules.json", modules("Pooling", "Normalize"))
    write(made, "1_Pooling/config.json", {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True})
    write(made, "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False})
    write(made, "config_sentence_transformers.json", {"prompts": {"query": "where: "}, "default_prompt_name": None})
    return made


def found(folder: Path) -> Checkpoint:
    return find_checkpoint(str(folder), Path("unused"))


def resolved(folder: Path, **settings: Any) -> FeatureSettings:
    return resolve_features(found(folder), FeatureSettings(**settings))


def test_what_is_read(folder: Path) -> None:
    stated = stated_by(found(folder))
    assert stated == Stated(Pooling.MEAN, True, 24, {"query": "where: "})
    made = resolved(folder)
    assert (made.pooling, made.normalize, made.max_length, made.prompt) == ((Pooling.MEAN,), True, 24, "")
    said = in_words(FeatureSettings(), made, found(folder))
    assert said == "`pooling` auto is mean, normalised, 24 tokens: the checkpoint's own word (modules.json)"
    assert in_words(made, made, found(folder)) is None


def test_a_checkpoint_that_says_nothing_gives_cls_as_version_0_1(tiny: Path) -> None:
    assert stated_by(found(tiny)) == Stated()
    made = resolved(tiny)
    assert (made.pooling, made.normalize, made.max_length, made.prompt) == ((Pooling.CLS,), False, None, "")


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, Pooling.CLS),
        ({"pooling_mode_max_tokens": True}, Pooling.MAX),
        ({"pooling_mode_weightedmean_tokens": True}, Pooling.WEIGHTED_MEAN),
        ({"pooling_mode_lasttoken": True}, Pooling.LAST),
        ({"pooling_mode_mean_tokens": False}, Pooling.MEAN),  # none set: their default
        ({}, Pooling.MEAN),
        ({"pooling_mode": "cls"}, Pooling.CLS),
        ({"pooling_mode": "max"}, Pooling.MAX),
        ({"pooling_mode": "weightedmean"}, Pooling.WEIGHTED_MEAN),
        ({"pooling_mode": ["lasttoken"]}, Pooling.LAST),
        ({"pooling_mode": "cls", "pooling_mode_mean_tokens": True}, Pooling.CLS),  # the new word goes first
    ],
)
def test_poolings_in_old_and_new_words(folder: Path, config: dict[str, Any], pooling: Pooling) -> None:
    write(folder, "1_Pooling/config.json", config)
    assert resolved(folder).pooling == (pooling,)


@pytest.mark.parametrize(
    "prefix", [OLD, NEW, "sentence_transformers.sentence_transformer.models", "sentence_transformers.base.modules.x"]
)
def test_names_of_steps_in_all_versions(folder: Path, prefix: str) -> None:
    write(folder, "modules.json", modules("Pooling", "Dropout", "Normalize", prefix=prefix))
    assert stated_by(found(folder)).pooling is Pooling.MEAN
    assert stated_by(found(folder)).normalize


WRONG = {
    "dense": ("modules.json", modules("Pooling", "Dense"), r"asks for a step of the kind Dense, which featx does not"),
    "two poolings": ("modules.json", modules("Pooling", "Pooling"), r"a step of the kind Pooling, which"),
    "normalised tokens": ("modules.json", modules("Normalize", "Pooling"), r"a step of the kind Normalize, which"),
    "no pooling": ("modules.json", modules(), r"modules.json names no pooling"),
    "no transformer": ("modules.json", modules()[1:], r"modules.json does not begin with a Transformer"),
    "a router": ("modules.json", [{"type": f"{OLD}.Router", "path": ""}], r"does not begin with a Transformer"),
    "own code": ("modules.json", modules(prefix="custom_st"), r"does not begin with a Transformer"),
    "own pooling": ("modules.json", [*modules(), {"type": "mine.Pooling", "path": "1"}], r"the kind mine\.Pooling, wh"),
    "elsewhere": ("modules.json", modules("Pooling", transformer="0_T"), r"has its encoder in another folder \(0_T\)"),
    "no list": ("modules.json", {"a": 1}, r"modules.json does not begin with a Transformer"),
    "no JSON": ("modules.json", "{", r"modules.json cannot be read as JSON"),
    "two modes": ("1_Pooling/config.json", {"pooling_mode": ["mean", "cls"]}, r"its pooling is mean and cls, which"),
    "two flags": (
        "1_Pooling/config.json",
        {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True},
        r"its pooling is max and mean, which featx does not compute",
    ),
    "root of length": (
        "1_Pooling/config.json",
        {"pooling_mode_mean_sqrt_len_tokens": True},
        r"its pooling is mean_sqrt_len_tokens, which",
    ),
    "unknown mode": ("1_Pooling/config.json", {"pooling_mode": 3}, r"its pooling is 3, which"),
    "broken pooling": ("1_Pooling/config.json", "nothing", r"config.json cannot be read as JSON \(Expecting value"),
    "pooling is no table": ("1_Pooling/config.json", [1], r"is no JSON table"),
    "length": ("sentence_bert_config.json", {"max_seq_length": "long"}, r"its max_seq_length is 'long', which is no"),
    "length 0": ("sentence_bert_config.json", {"max_seq_length": 0}, r"its max_seq_length is 0, which is no"),
    "logits": ("sentence_bert_config.json", {"transformer_task": "fill-mask"}, r"is asked for fill-mask, not for hid"),
    "chat": ("sentence_bert_config.json", {"modality_config": {"message": {}}}, r"reads texts as chat messages"),
    "calls": ("sentence_bert_config.json", {"processing_kwargs": {"text": {"a": 1}}}, r"is called with processing_kwa"),
    "prompts": ("config_sentence_transformers.json", {"prompts": {"query": 1}}, r"are no table of texts"),
    "default": ("config_sentence_transformers.json", {"default_prompt_name": "q"}, r"no prompt of the name 'q', its"),
    "normalise": ("2_Normalize/config.json", {"module_input_name": "token_embeddings"}, r"the kind Normalize, which"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_followed_is_one_line_with_its_remedy(folder: Path, case: str) -> None:
    name, content, words = WRONG[case]
    write(folder, name, content)
    with pytest.raises(CheckpointError, match=words) as raised:
        resolved(folder)
    assert "name `pooling` cls or mean to take the vectors of its encoder alone" in str(raised.value)
    assert "\n" not in str(raised.value)
    made = resolved(folder, pooling=(Pooling.MEAN,))
    assert (made.pooling, made.normalize, made.max_length, made.prompt) == ((Pooling.MEAN,), False, None, "")


def test_a_missing_pooling_is_said(folder: Path) -> None:
    (folder / "1_Pooling/config.json").unlink()
    with pytest.raises(CheckpointError, match=r"1_Pooling/config.json is missing"):
        resolved(folder)


def test_poolings_beside_auto_are_read_the_same_way(folder: Path) -> None:
    """auto brings its normalising and length to all that is read in one pass; what is named twice counts once."""
    made = resolved(folder, pooling=(Pooling.AUTO, Pooling.CLS, Pooling.MEAN))
    assert (made.pooling, made.normalize, made.max_length) == ((Pooling.MEAN, Pooling.CLS), True, 24)


def test_what_the_user_says_goes_first(folder: Path) -> None:
    made = resolved(folder, normalize=False, max_length=12, prompt="a bus ")
    assert (made.pooling, made.normalize, made.max_length, made.prompt) == ((Pooling.MEAN,), False, 12, "a bus ")


@pytest.mark.parametrize("pooling", [Pooling.AUTO, Pooling.CLS])
def test_resolving_twice_changes_nothing(folder: Path, pooling: Pooling) -> None:
    write(
        folder, "config_sentence_transformers.json", {"prompts": {"a": "word", "b": None}, "default_prompt_name": "a"}
    )
    for prompt in (None, "a", "b", "where: "):
        made = resolved(folder, pooling=(pooling,), prompt=prompt)
        assert resolve_features(found(folder), made) == made


def test_prompts_by_name_and_by_default(folder: Path) -> None:
    assert resolved(folder, prompt="query").prompt == "where: "
    assert resolved(folder, prompt="query", pooling=(Pooling.CLS,)).prompt == "where: "
    assert resolved(folder, prompt="où va ").prompt == "où va "
    write(
        folder,
        "config_sentence_transformers.json",
        {"prompts": {"query": "where: ", "passage": ""}, "default_prompt_name": "query"},
    )
    assert resolved(folder).prompt == "where: "
    assert resolved(folder, prompt="").prompt == ""
    assert resolved(folder, prompt="passage").prompt == ""
    assert resolved(folder, pooling=(Pooling.MEAN,)).prompt == "", "nothing that was not asked for"
    said = in_words(FeatureSettings(), resolved(folder), found(folder))
    assert said is not None
    assert said.startswith("`pooling` auto is mean, normalised, 24 tokens, prompt 'where: ': the checkpoint's own word")


def test_a_name_that_no_prompt_has_is_not_taken_for_text(folder: Path, tiny: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"`prompt` 'qurey' looks like a name, .* has no such prompt \(it has: query"
    ):
        resolved(folder, prompt="qurey")
    with pytest.raises(
        SettingsError, match=r"no such prompt \(it has: none\); give one of these, or the text itself, s"
    ):
        resolved(tiny, prompt="query")


def test_prompts_are_read_where_the_steps_cannot_be_followed(folder: Path) -> None:
    """With a pooling that is named, a Dense layer does not stand in the way."""
    write(folder, "modules.json", modules("Pooling", "Dense"))
    assert resolved(folder, pooling=(Pooling.MEAN,), prompt="query").prompt == "where: "


def test_tokens_of_the_prompt_that_are_not_pooled(folder: Path) -> None:
    write(folder, "1_Pooling/config.json", {"pooling_mode": "mean", "include_prompt": False})
    assert resolved(folder).pooling == (Pooling.MEAN,)
    with pytest.raises(
        CheckpointError, match=r"leaves the prompt's tokens out of its pooling, which featx does not; na"
    ):
        resolved(folder, prompt="query")
    assert resolved(folder, prompt="query", pooling=(Pooling.MEAN,)).prompt == "where: "


def test_a_length_beyond_the_positions(folder: Path) -> None:
    write(folder, "sentence_bert_config.json", {"max_seq_length": 1_000})
    assert resolved(folder).max_length == 40
    write(folder, "sentence_bert_config.json", {"max_seq_length": None})
    assert resolved(folder).max_length is None


def test_the_length_by_the_names_of_old_versions(folder: Path) -> None:
    (folder / "sentence_bert_config.json").rename(folder / "sentence_distilbert_config.json")
    assert resolved(folder).max_length == 24


def test_the_layout_of_before_version_1(folder: Path, tmp_path: Path) -> None:
    """The encoder in a folder of its own, with its length; steps and prompts above it."""
    above = tmp_path / "old"
    shutil.copytree(folder, above / "0_Transformer")
    for name in ("modules.json", "1_Pooling", "config_sentence_transformers.json"):
        shutil.move(above / "0_Transformer" / name, above / name)
    write(above, "modules.json", modules("Pooling", transformer="0_Transformer"))
    with pytest.raises(CheckpointError, match=r"sentence-transformers folder of the old layout: give .*0_Transformer"):
        found(above)
    made = resolved(above / "0_Transformer", prompt="query")
    assert (made.pooling, made.normalize, made.max_length, made.prompt) == ((Pooling.MEAN,), False, 24, "where: ")
    other = Path(shutil.copytree(above / "0_Transformer", above / "1_Other"))
    assert resolved(other).pooling == (Pooling.CLS,), "a neighbour that modules.json does not name"


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Checkpoint]:
    """The Hub's cache with the checkpoint in it; what is left out was never asked for, or is known to be missing."""
    from huggingface_hub import constants

    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    home = cache / "models--owner--name"

    def filled(without: tuple[str, ...] = (), missing: tuple[str, ...] = ()) -> Checkpoint:
        shutil.rmtree(home, ignore_errors=True)
        snapshot = Path(shutil.copytree(folder, home / "snapshots" / COMMIT))
        write(home, "refs/main", COMMIT)
        for name in (*without, *missing):
            (snapshot / name).unlink(missing_ok=True)
        for name in missing:
            write(home, f".no_exist/{COMMIT}/{name}", "")
        return find_checkpoint("owner/name", Path("unused"))

    return filled


def test_a_checkpoint_of_the_hubs_cache(hub: Callable[..., Checkpoint]) -> None:
    checkpoint = hub()
    assert checkpoint.revision == COMMIT
    made = resolve_features(checkpoint, FeatureSettings(prompt="query"))
    assert (made.pooling, made.normalize, made.max_length, made.prompt) == ((Pooling.MEAN,), True, 24, "where: ")


def test_what_the_hub_is_known_not_to_have(hub: Callable[..., Checkpoint]) -> None:
    checkpoint = hub(missing=("modules.json",))
    assert stated_by(checkpoint) == Stated()
    assert resolve_features(checkpoint, FeatureSettings()).pooling == (Pooling.CLS,)


def test_a_file_of_which_the_cache_does_not_know_is_said(hub: Callable[..., Checkpoint]) -> None:
    """A download of the whole repository leaves no note of what does not exist; the folder of a step may lack its file."""
    checkpoint = hub(without=("sentence_bert_config.json", "2_Normalize/config.json"))
    with pytest.warns(
        FeatxWarning, match=r"and sentence_bert_config.json is not cached; `pooling` mean is taken: name"
    ):
        made = resolve_features(checkpoint, FeatureSettings())
    assert (made.pooling, made.normalize) == ((Pooling.MEAN,), True)


def test_offline_without_modules_json_is_said(hub: Callable[..., Checkpoint]) -> None:
    checkpoint = hub(without=("modules.json",))
    with pytest.warns(
        FeatxWarning, match=r"unknown, since the Hub cannot be reached and modules.json is not cached; `p"
    ):
        made = resolve_features(checkpoint, FeatureSettings())
    assert made.pooling == (Pooling.CLS,)
    named = resolve_features(checkpoint, FeatureSettings(pooling=(Pooling.CLS,)))  # without a word
    assert replace(named, max_length=None) == made


def test_lower_casing_on_the_hub_is_part_of_the_name(folder: Path, hub: Callable[..., Checkpoint]) -> None:
    """Version 0.1 did not lower-case, and knew a checkpoint of the Hub by its commit alone."""
    from featx.features.encoder import planned_specs

    names = []
    for lower in (False, True):
        write(folder, "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": lower})
        (spec,) = planned_specs(hub(), FeatureSettings())
        names.append(spec.checkpoint)
    assert names[0] == COMMIT
    assert names[1] != COMMIT
