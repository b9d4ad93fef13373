"""What a plan needs of the hub, what is here, and prefetch; the hub itself is a stand-in."""

import json
from types import SimpleNamespace

import pytest
import yaml

from skymath_nb import __main__ as command_line
from skymath_nb.commands import hub
from skymath_nb.core import paths
from skymath_nb.data import seeds
from skymath_nb.runner import params

pytestmark = pytest.mark.stack

WEIGHTS = {"config.json": 100, "tokenizer.json": 50, "model.safetensors": 10**9}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub, and no folder of data."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    for name in ("HF_DATASETS_CACHE", seeds.DATA):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "hf"


def keep_model(cache, id, files):
    """A hub model as its client keeps it."""
    folder = cache / "hub" / f"models--{id.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text("abc")
    for name, text in files.items():
        path = folder / "snapshots" / "abc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def keep_data(cache, id, config, split):
    path = (
        cache
        / "datasets"
        / id.replace("/", "___").lower()
        / config
        / "0.0.0"
        / "abc"
        / f"{id.split('/')[1]}-{split}.arrow"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


@pytest.fixture
def plan(tmp_path, cache):
    def make(**training):
        text = {
            "run": "small",
            "steps": {
                "01_seed_exploration": {
                    "sources": ["gsm8k", "world"],
                    "benchmarks": ["gsm8k", "world-test"],
                },
                "02_augmentation": {},
                "04_curriculum_sft": {
                    "instances_from": ["02_augmentation"],
                    "benchmarks": ["gsm8k"],
                    "base": "owner/small",
                }
                | training,
            },
        }
        (tmp_path / "small.yaml").write_text(yaml.safe_dump(text, sort_keys=False))
        return params.load(tmp_path / "small.yaml")

    return make


@pytest.fixture
def online(monkeypatch, cache):
    """A hub that has owner/small and GSM8K; what is asked of it is listed."""
    asked, sizes = [], dict(WEIGHTS)

    def download(need):
        asked.append(str(need))
        if need.kind == "model":
            keep_model(cache, need.id, {name: "{}" for name in sizes})
        else:
            keep_data(cache, need.id, "main", need.split)

    monkeypatch.setattr(hub, "unreachable", lambda: "")
    monkeypatch.setattr(
        hub, "files", lambda need: sizes if need.kind == "model" else {"train.parquet": 10**6}
    )
    monkeypatch.setattr(hub, "download", download)
    return asked, sizes


def test_a_plan_names_its_models_and_splits_once_with_the_steps_that_want_them(plan):
    found, problems = hub.needs(plan())
    assert problems == [] and [str(need) for need in found] == [
        "data set openai/gsm8k (train)",
        "data set openai/gsm8k (test)",
        "model owner/small",
    ]
    assert found[1].steps == ("01_seed_exploration", "04_curriculum_sft") and not any(
        map(hub.here, found)
    )


def test_what_lies_in_folders_or_is_made_here_is_not_asked_of_the_hub(plan, tmp_path, monkeypatch):
    for split in ("train.jsonl.gz", "test.jsonl"):
        (tmp_path / "gsm8k").mkdir(exist_ok=True)
        (tmp_path / "gsm8k" / split).write_text("")
    monkeypatch.setenv(seeds.DATA, str(tmp_path))
    assert hub.needs(plan(base="tiny-base")) == ([], [])
    (tmp_path / "gsm8k" / "test.jsonl").unlink()
    found, problems = hub.needs(plan(base="tiny-base"))
    assert found == [] and "test.jsonl is missing" in problems[0] and len(problems) == 1
    assert hub.needs(params.load(paths.locate("params/tiny.yaml"))) == ([], [])


def test_every_base_of_a_scaling_study_is_needed():
    found, _ = hub.needs(params.load(paths.locate("params/scaling_paper.yaml")))
    assert [need.id for need in found if need.kind == "model"] == [
        "mistralai/Mistral-7B-v0.1",
        "deepseek-ai/deepseek-math-7b-base",
    ]


def test_a_local_servers_model_and_a_sentence_model_are_needed_too(plan):
    text = yaml.safe_load(plan().source.read_text())
    text["steps"]["02_augmentation"] = {
        "server": "http://127.0.0.1:8000/v1",
        "teacher_model": "owner/teacher",
    }
    text["steps"]["03_coreset_selection"] = {"embedding": "all-MiniLM-L6-v2"}
    source = plan().source
    source.write_text(yaml.safe_dump(text, sort_keys=False))
    ids = [need.id for need in hub.needs(params.load(source))[0]]
    assert {"owner/teacher", "sentence-transformers/all-MiniLM-L6-v2"} <= set(ids)


def test_a_model_is_here_when_all_its_weights_and_a_tokenizer_are(cache):
    need = hub.Need("model", "owner/large", ("04_curriculum_sft",))
    shards = json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})
    keep_model(
        cache,
        "owner/large",
        {"config.json": "{}", "model.safetensors.index.json": shards, "model-1.safetensors": ""},
    )
    assert not hub.here(need)
    keep_model(cache, "owner/large", {"model-2.safetensors": ""})
    assert not hub.here(need)
    keep_model(cache, "owner/large", {"tokenizer.model": ""})
    assert hub.here(need)


def test_prefetch_fetches_what_is_missing_and_a_second_time_nothing(plan, online):
    told = []
    hub.prefetch(plan(), only_list=True, echo=told.append)
    assert online[0] == [] and any(line == "missing  model owner/small, 1.00 GB" for line in told)
    hub.prefetch(plan(), echo=told.append)
    assert online[0] == [
        "data set openai/gsm8k (train)",
        "data set openai/gsm8k (test)",
        "model owner/small",
    ]
    told.clear()
    hub.prefetch(plan(), echo=told.append)
    assert (
        len(online[0]) == 3
        and told[:3] == [f"here     {need}" for need in hub.needs(plan())[0]]
        and "HF_HUB_OFFLINE=1" in told[3]
    )


def test_without_the_hub_everything_that_is_missing_is_told(plan, cache, monkeypatch, capsys):
    keep_data(cache, "openai/gsm8k", "main", "test")
    monkeypatch.setattr(hub, "unreachable", lambda: "the hub cannot be reached")
    assert command_line.main(["prefetch", str(plan(base="no such base").source)]) == 2
    out, err = capsys.readouterr()
    assert "here     data set openai/gsm8k (test)" in out and "2 things" in err
    assert (
        "gsm8k (train) is not in the cache" in err
        and "The base 'no such base'" in err
        and "the hub cannot be reached" in err
    )


def test_one_that_fails_does_not_keep_the_others_from_coming(plan, online, monkeypatch):
    class GatedRepoError(OSError):
        pass

    fetch = hub.download

    def download(need):
        if need.split == "train":
            raise GatedRepoError("403")
        fetch(need)

    monkeypatch.setattr(hub, "download", download)
    with pytest.raises(hub.Missing, match="asks for permission.*HF_TOKEN"):
        hub.prefetch(plan(), echo=lambda line: None)
    assert len(online[0]) == 2


def test_pickled_weights_and_a_full_disk_are_refused_before_anything_is_fetched(
    plan, online, monkeypatch
):
    online[1]["model.safetensors"] = 10**18
    with pytest.raises(hub.Missing, match="GB free; set HF_HOME"):
        hub.prefetch(plan(), echo=lambda line: None)
    del online[1]["model.safetensors"]
    with pytest.raises(hub.Missing, match=r"has no \*.safetensors"):
        hub.prefetch(plan(), only_list=True, echo=lambda line: None)
    assert online[0] == []


def test_only_weights_that_run_no_code_and_no_second_copies_are_asked_for(monkeypatch):
    import huggingface_hub

    asked = {}
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda id, **how: asked.update(how))
    hub.download(hub.Need("model", "owner/small", ()))
    assert (
        set(asked) == {"allow_patterns", "ignore_patterns"}
        and "*.safetensors" in asked["allow_patterns"]
    )
    assert not {"*.bin", "*.pt", "*.py"} & set(asked["allow_patterns"])


def test_sizes_come_from_a_dry_run_of_the_hubs_client(plan, monkeypatch):
    import huggingface_hub

    asked = []

    def snapshot_download(id, **how):
        asked.append((id, how))
        return [
            SimpleNamespace(filename="model.safetensors", file_size=10**9),
            SimpleNamespace(filename="README.md", file_size=None),
        ]

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert hub.files(hub.Need("model", "owner/small")) == {
        "model.safetensors": 10**9,
        "README.md": 0,
    }
    assert hub.files(hub.Need("data set", "openai/gsm8k", (), "gsm8k", "test"))
    (_, of_model), (_, of_data) = asked
    assert of_model["dry_run"] and "*.safetensors" in of_model["allow_patterns"]
    assert of_data == {"dry_run": True, "repo_type": "dataset"}


def test_why_a_dry_run_failed_is_told(plan, monkeypatch):
    import huggingface_hub

    class DryRunError(OSError):
        pass

    class RepositoryNotFoundError(OSError):
        pass

    def snapshot_download(id, **how):
        raise DryRunError("cannot be performed") from RepositoryNotFoundError("404")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(hub, "unreachable", lambda: "")
    with pytest.raises(
        hub.Missing, match="owner/small, named by 04_curriculum_sft, is not on the hub"
    ):
        hub.prefetch(plan(), only_list=True, echo=lambda line: None)


def test_a_data_set_is_fetched_through_the_loader_that_reads_it(monkeypatch):
    import datasets

    asked = []
    monkeypatch.setattr(datasets, "load_dataset", lambda *names, **how: asked.append((names, how)))
    hub.download(hub.Need("data set", "openai/gsm8k", (), "gsm8k", "test"))
    assert asked == [(("openai/gsm8k", "main"), {"split": "test"})]
