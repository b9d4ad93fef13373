"""Small notebooks and files of responses that several folders of tests read."""

import json

import nbformat


def write_notebook(folder, name, *cells):
    """A notebook whose first code cell is the parameters cell."""
    first, *rest = cells
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(c) for c in (first, *rest)]
    )
    notebook.cells[0].metadata["tags"] = ["parameters"]
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def harness(doc_id, text, target, **filters):
    """The lines of one item as lm-evaluation-harness logs them.

    One per filter, the raw texts on each.
    """
    shared = {
        "doc_id": doc_id,
        "doc": {"question": f"q{doc_id}", "level": "Level 2"},
        "target": target,
        "arguments": {
            "gen_args_0": {"arg_0": f"Q: q{doc_id}", "arg_1": {"until": ["Q:"], "do_sample": False}}
        },
        "resps": [[text] if isinstance(text, str) else text],
        "doc_hash": f"hash{doc_id}",
        "prompt_hash": "p",
        "target_hash": "t",
    }
    return [
        shared
        | {
            "filtered_resps": ["?"],
            "filter": name.replace("_", "-"),
            "metrics": ["exact_match"],
            "exact_match": float(right),
        }
        for name, right in filters.items()
    ]
