import pytest
import tiny_model

from skymath_nb.core import digests
from skymath_nb.training import bases

pytestmark = pytest.mark.stack


def test_an_unknown_base_is_refused_with_what_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(bases, "BASES", tmp_path)
    tiny_model.save(tmp_path / "tiny-base")
    assert bases.base_path("tiny-base") == str(tmp_path / "tiny-base")
    with pytest.raises(
        FileNotFoundError, match=r"'tiny-bse'.*there are: tiny-base.*Did you mean 'tiny-base'"
    ):
        bases.base_path("tiny-bse")


@pytest.mark.parametrize(
    "others, said",
    [((), "no weights"), (("pytorch_model.bin",), "only pytorch_model.bin.*save_pretrained")],
)
def test_a_base_without_safe_weights_is_refused(tmp_path, others, said):
    base = tiny_model.save(tmp_path / "base")
    (base / "model.safetensors").unlink()
    for name in others:
        (base / name).write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=said):
        bases.base_path(base)


def test_the_digest_is_of_what_is_loaded(tmp_path):
    base = tiny_model.save(tmp_path / "base")
    before = bases.base_digest(base)
    (base / digests.TRAINING).write_text("{}")
    (base / "loss.parquet").write_bytes(b"")
    assert bases.base_digest(base) == before
    (base / "tokenizer_config.json").write_text("{}")
    assert bases.base_digest(base) != before
