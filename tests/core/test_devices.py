import pytest

from skymath_nb.core import devices


def test_a_device_that_is_not_there_is_refused():
    import torch

    found = "cuda" if torch.cuda.is_available() else "cpu"
    assert devices.choose() == devices.choose(found) == found
    with pytest.raises(ValueError, match=f"device='tpu'.*gives {found}"):
        devices.choose("tpu")


def test_several_gpus_in_one_process_are_refused_but_not_in_a_process_of_a_launcher(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(ValueError, match="2 GPUs are visible.*CUDA_VISIBLE_DEVICES=0.*launcher"):
        devices.choose()
    assert devices.choose("auto", processes=2) == "cuda"
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert devices.choose() == "cuda"


def test_memory_is_that_of_the_machine():
    found = devices.memory("cpu")
    assert 0 < found.free <= found.total
