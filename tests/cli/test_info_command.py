"""`dure info`: a table, JSON, and one clear line where there is nothing to tell."""

from __future__ import annotations

import json


def test_info(run, tiny):
    code, out, err = run("info", tiny)
    assert (code, err) == (0, "")
    rows = dict(line.split(maxsplit=1) for line in out.splitlines() if not line.startswith((" ", "context")))
    assert rows["model"] == str(tiny)
    assert rows["family"] == "bert"
    assert rows["class"] == "BertModel"
    assert rows["tokenizer"] == "BertTokenizer"
    assert "BertForMaskedLM" in rows["heads"]
    code, out, _ = run("info", tiny, "--json")
    told = json.loads(out)
    assert (code, told["context_length"], told["vocab_size"]) == (0, 32, 17)
    assert told["labels"] == []


def test_nothing_to_tell(run, tmp_path):
    code, out, err = run("info", tmp_path)
    assert (code, out) == (1, "")
    assert "config.json" in err
    code, _, err = run("info", "nobody/nothing")
    assert code == 1
    assert "nobody/nothing was not found" in err
    assert run("info")[0] == 2
    assert "MODEL" in run("info", "--help")[1]
