import pandas as pd
import pyarrow.parquet as pq
import pytest

from skymath_nb.core import schema


def seeds(n=2, **columns):
    rows = dict.fromkeys(schema.SEEDS.names, "x") | {"level": 3}
    return pd.DataFrame([rows | {"id": str(i)} for i in range(n)]).assign(**columns)


def test_a_table_comes_back_with_its_columns_in_order_and_extras_last(tmp_path):
    table = seeds(note=["a", "b"], solution=["s", None])[["note", *reversed(schema.SEEDS.names)]]
    path = schema.write(table, tmp_path / "deep" / "seeds.parquet", "seeds")
    back = schema.read(path, "seeds")
    assert list(back) == [*schema.SEEDS.names, "note"]
    assert back["level"].dtype == "int64" and back["solution"].isna().tolist() == [False, True]
    assert back["note"].tolist() == ["a", "b"]


@pytest.mark.parametrize("kind", schema.SCHEMAS)
def test_every_kind_survives_the_disk(kind, tmp_path):
    example = {"string": "x", "int64": 1, "double": 0.5, "bool": True}
    row = {field.name: example[str(field.type)] for field in schema.SCHEMAS[kind]}
    schema.write(pd.DataFrame([row]), tmp_path / "t.parquet", kind)
    assert schema.read(tmp_path / "t.parquet", kind).iloc[0].to_dict() == row


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="problem"), "lacks problem"),
        (lambda t: t.assign(level="Level 5"), "'level'"),
        (lambda t: t.assign(level=[1.0, None]), "1 of 2 missing"),
        (lambda t: t.assign(id=[None, "a"]), "'id'"),
        (lambda t: t.assign(answer=[3, 4]), "'answer'"),
    ],
)
def test_a_wrong_table_is_refused_by_name_and_leaves_no_file(change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        schema.write(change(seeds()), tmp_path / "t.parquet", "seeds")
    assert not list(tmp_path.iterdir())


def test_a_missing_an_empty_and_a_broken_file_are_told_apart(tmp_path):
    path = tmp_path / "t.parquet"
    with pytest.raises(FileNotFoundError, match="no such file"):
        schema.read(path, "seeds")
    path.write_bytes(b"half a file")
    with pytest.raises(ValueError, match="cannot be read as Parquet"):
        schema.read(path, "seeds")
    pq.write_table(schema.SEEDS.empty_table(), path)
    with pytest.raises(ValueError, match="no rows"):
        schema.read(path, "seeds")


def test_row_ids_name_their_parts_unambiguously():
    assert schema.row_id("ab", "c") != schema.row_id("a", "bc") != schema.row_id("abc")
    assert schema.row_id(1, "x") == schema.row_id("1", "x") and len(schema.row_id()) == 16


def curriculum(**change):
    rows = pd.DataFrame({"id": list("abc"), "query": list("123"), "response": list("xyz")})
    recipe = {
        "batch_size": 2,
        "max_length": 64,
        "rows": rows,
        "epochs": 3,
        "learning_rate": 1e-4,
    } | change
    phase = schema.Phase(
        "stage1", recipe.pop("rows"), recipe.pop("epochs"), recipe.pop("learning_rate")
    )
    return schema.Curriculum((phase,), **recipe)


def test_steps_count_a_last_batch_that_is_not_full():
    made = curriculum()
    assert made.n_rows == 3 and made.phase_steps(made.phases[0]) == 5


def test_the_digest_sees_every_text_and_number_and_nothing_else():
    rows = curriculum().phases[0].rows
    changes = [
        {"rows": rows.iloc[::-1]},
        {"rows": rows.assign(response=["x", "y", "w"])},
        {"epochs": 2},
        {"learning_rate": 2e-4},
        {"seed": 1},
        {"max_length": 65},
        {"schedule": "linear"},
        {"warmup": 0.1},
    ]
    digests = {curriculum(**change).digest() for change in changes} | {curriculum().digest()}
    assert len(digests) == len(changes) + 1
    assert curriculum(rows=rows.assign(level=4)).digest() == curriculum(epochs=3.0).digest()


def test_a_phase_without_rows_is_refused():
    with pytest.raises(ValueError, match="0 rows"):
        curriculum(rows=curriculum().phases[0].rows.iloc[:0])
