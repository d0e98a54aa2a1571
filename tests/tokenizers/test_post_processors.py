"""Templates, trimmed offsets and added tokens equal those of the `tokenizers` library, overflow included."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from dure import PreTrainedTokenizerFast
from dure.tokenizers import Tokenizer
from dure.tokenizers._core import Engine

tokenizers = pytest.importorskip("tokenizers")

VOCABULARY = ["<unk>", "a", "b", "c", "d", "Ġ", "Ġa", "Ġb", "Ġc", "ĠĠ", "aĠ", "\u00a0a"]
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
#: Names that aren't those of the vocabulary, one of an id that it has.
NAMED = {
    "[C]": {"id": "[C]", "ids": [2, 1, 95], "tokens": ["first", "a", "third"]},
    "[S]": {"id": "[S]", "ids": [3], "tokens": ["a"]},
}
BERT = {"type": "BertProcessing", "sep": ["s", 70], "cls": ["c", 71]}
SPECIALS = {
    "[C]": {"id": "[C]", "ids": [90], "tokens": ["[C]"]},
    "[S]": {"id": "[S]", "ids": [91, 92], "tokens": ["[S]", "x"]},
}


def roberta(trim_offsets: bool, add_prefix_space: bool) -> dict[str, Any]:
    flags = {"trim_offsets": trim_offsets, "add_prefix_space": add_prefix_space}
    return {"type": "RobertaProcessing", "sep": ["s", 70], "cls": ["c", 71], **flags}


def template(single: str, pair: str) -> dict[str, Any]:
    def piece(text: str) -> dict[str, Any]:
        name, type_id = text.split(":")
        kind = "Sequence" if name.startswith("$") else "SpecialToken"
        return {kind: {"id": name.lstrip("$"), "type_id": int(type_id)}}

    parts = {"single": [piece(p) for p in single.split()], "pair": [piece(p) for p in pair.split()]}
    return {"type": "TemplateProcessing", "special_tokens": SPECIALS, **parts}


PROCESSORS: list[dict[str, Any] | None] = [
    None,
    BERT,
    *(roberta(trim, space) for trim in (False, True) for space in (False, True)),
    BYTE_LEVEL,
    BYTE_LEVEL | {"add_prefix_space": False},
    BYTE_LEVEL | {"trim_offsets": False},
    template("[C]:0 $A:0 [S]:0", "[C]:0 $A:0 [S]:0 $B:1 [S]:1"),
    template("$A:2", "$A:0 [C]:0 $B:0"),
    template("$A:0 [S]:0 $A:1", "$B:1 $A:2 $B:3"),
    template("[C]:1 $A:3", "[S]:3 $A:0 $A:1 $B:0 $A:2 [C]:0"),
    template("$A:0", "[C]:0 $A:0"),
    {"type": "Sequence", "processors": []},
    {"type": "Sequence", "processors": [BYTE_LEVEL, template("[C]:0 $A:0", "[C]:0 $A:0 [C]:0 $B:1")]},
    {"type": "Sequence", "processors": [BYTE_LEVEL | {"add_prefix_space": False}] * 2},
    template("[C]:0 $A:0", "[C]:0 $A:0 $B:1 [S]:0") | {"special_tokens": NAMED},
]
#: Steps that add tokens, or label what others added.
STEPS = [
    BERT,
    roberta(True, True),
    roberta(False, False),
    BYTE_LEVEL,
    template("[C]:0 $A:0 [S]:0", "[C]:0 $A:0 [S]:0 $B:1 [S]:1"),
    template("$A:3", "$B:1 $A:2"),
    template("[C]:2 $A:1", "$A:0 $B:4"),
    template("$A:1 $A:2", "$A:0 [C]:0 $B:0"),
]
SEQUENCES = [{"type": "Sequence", "processors": list(steps)} for steps in itertools.product(STEPS, repeat=2)]
SEQUENCES += [{"type": "Sequence", "processors": [BERT, STEPS[5], roberta(True, True), BYTE_LEVEL]}]
PRE_TOKENIZERS = [{"type": "WhitespaceSplit"}, BYTE_LEVEL, BYTE_LEVEL | {"add_prefix_space": False}]


def document(**sections: object) -> str:
    model = tokenizers.models.WordLevel({token: i for i, token in enumerate(VOCABULARY)}, unk_token="<unk>")
    return json.dumps(json.loads(tokenizers.Tokenizer(model).to_str()) | sections)


def both(**sections: object) -> tuple[Engine, Any]:
    text = document(**sections)
    return Engine.from_json(text.encode()), tokenizers.Tokenizer.from_str(text)


def expected_rows(encoding: Any) -> list[list[tuple[Any, ...]]]:
    return [
        list(zip(e.ids, e.type_ids, e.special_tokens_mask, e.word_ids, e.sequence_ids, e.offsets, strict=True))
        for e in [encoding, *encoding.overflowing]
    ]


def our_rows(encodings: Any) -> list[list[tuple[Any, ...]]]:
    rows = []
    for begin, end in zip(encodings.row_starts[:-1], encodings.row_starts[1:], strict=True):
        part = slice(int(begin), int(end))
        words = [None if word < 0 else word for word in encodings.word_ids[part].tolist()]
        sequences = [None if sequence < 0 else sequence for sequence in encodings.sequence_ids[part].tolist()]
        offsets = [tuple(pair) for pair in encodings.offsets[part].tolist()]
        ids, types = encodings.ids[part].tolist(), encodings.type_ids[part].tolist()
        mask = encodings.special_tokens_mask[part].tolist()
        rows.append(list(zip(ids, types, mask, words, sequences, offsets, strict=True)))
    return rows


def without_sequences(rows: list[list[tuple[Any, ...]]]) -> list[list[tuple[Any, ...]]]:
    return [[token[:4] + token[5:] for token in row] for row in rows]


def draw_text(random_: random.Random) -> str:
    return "".join(random_.choices(["a", "b", "c", " ", " ", "  ", "x", "\u00a0a"], k=random_.randint(0, 9)))


@pytest.mark.parametrize("pre_tokenizer", PRE_TOKENIZERS, ids=["spaces", "byte level, space", "byte level"])
@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda processor: json.dumps(processor)[:90])
def test_rows_equal_the_original(processor: dict[str, Any] | None, pre_tokenizer: dict[str, Any]) -> None:
    ours, theirs = both(post_processor=processor, pre_tokenizer=pre_tokenizer)
    random_ = random.Random(5)
    for is_pair in (False, True):
        assert ours.num_special_tokens(is_pair) == theirs.num_special_tokens_to_add(is_pair)
    for _ in range(60):
        first, second = draw_text(random_), draw_text(random_) if random_.random() < 0.5 else None
        special = random_.random() < 0.7
        rows = our_rows(
            ours.encode([first], None if second is None else [second], add_special_tokens=special, overflow=True)
        )
        assert rows == expected_rows(theirs.encode(first, second, add_special_tokens=special)), (first, second)


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda processor: json.dumps(processor)[:90])
def test_overflow_equals_the_original(processor: dict[str, Any] | None) -> None:
    ours, theirs = both(post_processor=processor, pre_tokenizer=BYTE_LEVEL)
    random_ = random.Random(6)
    for _ in range(80):
        first, second = draw_text(random_), draw_text(random_) if random_.random() < 0.5 else None
        special = random_.random() < 0.7
        taken = ours.num_special_tokens(second is not None) if special else 0
        length, stride = taken + random_.randint(1, 6), random_.choice([0, 0, 1])
        side = random_.choice(["left", "right"])
        try:
            theirs.enable_truncation(length, stride=stride, direction=side)
            expected = expected_rows(theirs.encode(first, second, add_special_tokens=special))
        except BaseException:  # noqa: BLE001 (a stride that doesn't fit is a panic there)
            continue
        options = {"max_length": length, "stride": stride, "truncate_left": side == "left", "overflow": True}
        pairs = None if second is None else [second]
        rows = our_rows(ours.encode([first], pairs, add_special_tokens=special, **options))
        # Without a post-processor the original forgets which text the overflow of a pair belongs to.
        is_forgotten = processor is None and second is not None and len(rows) > 1
        assert (without_sequences(rows) if is_forgotten else rows) == (
            without_sequences(expected) if is_forgotten else expected
        ), (first, second, special, options)


def result_of(encode: Callable[[], Any]) -> Any:
    """What a call returns; None where it fails or panics."""
    try:
        return encode()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return None


@pytest.mark.parametrize("processor", SEQUENCES, ids=range(len(SEQUENCES)))
def test_steps_that_follow_each_other_equal_the_original(processor: dict[str, Any]) -> None:
    random_ = random.Random(7)
    ours, theirs = both(post_processor=processor, pre_tokenizer=BYTE_LEVEL)
    for is_pair in (False, True):
        assert ours.num_special_tokens(is_pair) == theirs.num_special_tokens_to_add(is_pair)
    for _ in range(40):
        first, second = draw_text(random_), draw_text(random_) if random_.random() < 0.5 else None
        special = random_.random() < 0.7
        taken = ours.num_special_tokens(second is not None) if special else 0
        length, stride = random_.choice([0, taken + random_.randint(1, 6)]), random_.choice([0, 0, 1])
        theirs.no_truncation()
        if length:
            if stride >= length - max(taken, theirs.num_special_tokens_to_add(False)):
                continue
            theirs.enable_truncation(length, stride=stride)
        expected = result_of(lambda: expected_rows(theirs.encode(first, second, add_special_tokens=special)))  # noqa: B023
        options = {"max_length": length, "stride": stride if length else 0, "add_special_tokens": special}
        pairs = None if second is None else [second]
        found = result_of(lambda: our_rows(ours.encode([first], pairs, overflow=True, **options)))  # noqa: B023
        assert found == expected, (first, second, options)


def test_a_template_after_more_than_two_parts_is_refused_and_panics_in_the_original() -> None:
    processor = {"type": "Sequence", "processors": [STEPS[4], STEPS[4]]}
    ours, theirs = both(post_processor=processor, pre_tokenizer=BYTE_LEVEL)
    with pytest.raises(ValueError, match="takes one text or two, but the steps before it made 3 parts"):
        ours.encode(["a"])
    with pytest.raises(BaseException, match="not yet implemented"):
        theirs.encode("a")
    assert ours.encode(["a"], add_special_tokens=False).ids.tolist() == theirs.encode("a", add_special_tokens=False).ids


@pytest.mark.parametrize("processor", [*PROCESSORS, *SEQUENCES[::5]], ids=lambda processor: json.dumps(processor)[:90])
def test_tokens_have_the_names_of_the_template(processor: dict[str, Any] | None) -> None:
    text = document(post_processor=processor, pre_tokenizer={"type": "WhitespaceSplit"})
    ours, theirs = Tokenizer.from_str(text), tokenizers.Tokenizer.from_str(text)
    fast = PreTrainedTokenizerFast(tokenizer_object=ours)
    for pair in (None, "c a"):
        expected = result_of(lambda: theirs.encode("a b", pair))  # noqa: B023
        if expected is None:
            continue
        found = ours.encode("a b", pair)
        assert (found.tokens, found.ids) == (expected.tokens, expected.ids)
        assert (found.sequence_ids, found.word_ids) == (expected.sequence_ids, expected.word_ids)
        assert fast("a b", pair).tokens() == expected.tokens


@pytest.mark.parametrize(("strategy", "second"), [("only_first", "a b c d"), ("only_second", "a b c d")])
def test_one_text_gives_up_tokens(strategy: str, second: str) -> None:
    ours, theirs = both(post_processor=BERT, pre_tokenizer={"type": "WhitespaceSplit"})
    for length in (3, 8, 9, 10, 12):
        theirs.enable_truncation(length, strategy=strategy)
        options = {"max_length": length, "strategy": strategy, "overflow": True}
        expected = expected_rows(theirs.encode("a b c d", second))
        assert our_rows(ours.encode(["a b c d"], [second], **options)) == expected


@pytest.mark.parametrize(
    ("options", "pairs", "message"),
    [
        ({"max_length": 4, "strategy": "only_first"}, ["a b c d"], r"the first text has 4 tokens, but 7 would"),
        ({"max_length": 4, "strategy": "only_second"}, None, r"'only_second' needs a second text"),
        ({"max_length": 4, "stride": 3}, None, r"stride 3 must be smaller than the 2 tokens"),
    ],
)
def test_truncation_that_cannot_be_is_refused(options: dict[str, Any], pairs: list[str] | None, message: str) -> None:
    ours, _ = both(post_processor=BERT, pre_tokenizer={"type": "WhitespaceSplit"})
    with pytest.raises(ValueError, match=message):
        ours.encode(["a b c d"], pairs, **options)


def test_a_template_may_be_written_as_in_code() -> None:
    spelled = {"type": "TemplateProcessing", "single": "[C] $ [S]:1", "pair": ["[C]", "$A:2", "$b", "$1", "[S]:3"]}
    ours, _ = both(pre_tokenizer={"type": "WhitespaceSplit"})
    engine = Engine.from_json(
        document_with(spelled | {"special_tokens": SPECIALS}).encode(),
    )
    assert ours.encode(["a b"]).ids.tolist() == [1, 2]
    assert engine.encode(["a b"]).ids.tolist() == [90, 1, 2, 91, 92]
    assert engine.encode(["a b"]).type_ids.tolist() == [0, 0, 0, 1, 1]
    assert engine.encode(["a"], ["b"]).ids.tolist() == [90, 1, 2, 1, 91, 92]
    assert engine.encode(["a"], ["b"]).type_ids.tolist() == [0, 2, 0, 1, 3, 3]


def document_with(processor: object) -> str:
    text = json.loads(document(pre_tokenizer={"type": "WhitespaceSplit"}))
    return json.dumps(text | {"post_processor": processor})


@pytest.mark.parametrize(
    ("processor", "message"),
    [
        ({"type": "Nope"}, r"'Nope' is not known; known: BertProcessing, .*, TemplateProcessing"),
        ({"type": "BertProcessing", "sep": ["s", 1]}, "'cls' is missing"),
        ({"type": "BertProcessing", "sep": ["s"], "cls": ["c", 1]}, "'sep' of a post-processor must be a token and"),
        ({"type": "BertProcessing", "sep": ["s", -1], "cls": ["c", 1]}, "is -1 and must lie between 0 and 2147483647"),
        (template("$A:0 [X]:0", "$A:0"), r"special token '\[X\]', which 'special_tokens' lacks"),
        (template("$B:0", "$A:0"), "'single' uses the second text"),
        (template("$A:4294967296", "$A:0"), "'type_id' of a post-processor is 4294967296"),
        ({"type": "TemplateProcessing", "single": "$C", "special_tokens": {}}, r"'\$C' and must look like"),
        ({"type": "TemplateProcessing", "single": "$A:", "special_tokens": {}}, r"'\$A:' and must look like"),
        ({"type": "TemplateProcessing", "single": [{}], "special_tokens": {}}, "a 'Sequence' or a 'SpecialToken'"),
        (template("$A:0", "$A:0 $B:0") | {"special_tokens": {}, "single": "[C]"}, "which 'special_tokens' lacks"),
        (
            template("$A:0 [C]:0", "$A:0 $B:0") | {"special_tokens": {"[C]": {"ids": [1, 2], "tokens": ["x"]}}},
            r"'\[C\]' has 2 ids and 1 tokens: give as many of both",
        ),
        ([], "must be an object"),
    ],
    ids=lambda value: json.dumps(value)[:80],
)
def test_a_broken_post_processor_is_refused(processor: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Engine.from_json(document_with(processor).encode())


CHARACTERS = ["a", "b", " ", " ", "\t", "\u3000", "é", "日", "<", ">", "-", "_", "\u0301", "1", "A", "É"]


def draw_added(random_: random.Random) -> list[Any]:
    tokens = []
    for _ in range(random_.randint(1, 5)):
        content = "".join(random_.choices(CHARACTERS, k=random_.choice([1, 1, 2, 2, 3, 4])))
        flags = {name: random_.random() < 0.25 for name in ("single_word", "lstrip", "rstrip", "normalized", "special")}
        tokens.append(tokenizers.AddedToken(content, **flags))
    return tokens


@pytest.mark.parametrize("normalizer", [None, {"type": "Lowercase"}], ids=["raw", "lower case"])
@pytest.mark.parametrize("processor", [None, BYTE_LEVEL | {"add_prefix_space": False}], ids=["plain", "trimmed"])
def test_added_tokens_are_found_as_in_the_original(normalizer: object, processor: object) -> None:
    random_ = random.Random(9)
    for _ in range(150):
        theirs = tokenizers.Tokenizer.from_str(document(normalizer=normalizer, post_processor=processor))
        added = {token.content: token for token in draw_added(random_)}
        theirs.add_tokens(list(added.values()))
        ours = Engine.from_json(theirs.to_str().encode())
        for _ in range(10):
            text = "".join(random_.choices(CHARACTERS + list(added) * 2, k=random_.randint(0, 12)))
            try:
                expected = expected_rows(theirs.encode(text))
            except BaseException:  # noqa: BLE001 (overlapping strips can make the original panic)
                expected = None
            for memory in (True, False):
                rows = our_rows(ours.encode([text], uses_memory=memory))
                assert expected is None or rows == expected, (added, text, memory)
