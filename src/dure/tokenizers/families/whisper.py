"""Whisper's tokenizer: GPT-2's, with tokens for the language, the task and time around the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from dure.errors import InputError
from dure.tokenizers.bpe import BYTE_LEVEL, bpe_model, byte_level, byte_level_document, model_from_files
from dure.tokenizers.families.bpe import GPT2TokenizerFast
from dure.tokenizers.family import Family, Sources
from dure.tokenizers.tiktoken import is_rank_file, merges_of, read_ranks
from dure.typing import JsonObject

__all__ = ["LANGUAGES", "WhisperTokenizer", "WhisperTokenizerFast"]

#: Whisper's languages by their codes, in order of ids.
LANGUAGES: dict[str, str] = dict(
    pair.replace("_", " ").split(":")
    for pair in [
        "en:english",
        "zh:chinese",
        "de:german",
        "es:spanish",
        "ru:russian",
        "ko:korean",
        "fr:french",
        "ja:japanese",
        "pt:portuguese",
        "tr:turkish",
        "pl:polish",
        "ca:catalan",
        "nl:dutch",
        "ar:arabic",
        "sv:swedish",
        "it:italian",
        "id:indonesian",
        "hi:hindi",
        "fi:finnish",
        "vi:vietnamese",
        "he:hebrew",
        "uk:ukrainian",
        "el:greek",
        "ms:malay",
        "cs:czech",
        "ro:romanian",
        "da:danish",
        "hu:hungarian",
        "ta:tamil",
        "no:norwegian",
        "th:thai",
        "ur:urdu",
        "hr:croatian",
        "bg:bulgarian",
        "lt:lithuanian",
        "la:latin",
        "mi:maori",
        "ml:malayalam",
        "cy:welsh",
        "sk:slovak",
        "te:telugu",
        "fa:persian",
        "lv:latvian",
        "bn:bengali",
        "sr:serbian",
        "az:azerbaijani",
        "sl:slovenian",
        "kn:kannada",
        "et:estonian",
        "mk:macedonian",
        "br:breton",
        "eu:basque",
        "is:icelandic",
        "hy:armenian",
        "ne:nepali",
        "mn:mongolian",
        "bs:bosnian",
        "kk:kazakh",
        "sq:albanian",
        "sw:swahili",
        "gl:galician",
        "mr:marathi",
        "pa:punjabi",
        "si:sinhala",
        "km:khmer",
        "sn:shona",
        "yo:yoruba",
        "so:somali",
        "af:afrikaans",
        "oc:occitan",
        "ka:georgian",
        "be:belarusian",
        "tg:tajik",
        "sd:sindhi",
        "gu:gujarati",
        "am:amharic",
        "yi:yiddish",
        "lo:lao",
        "uz:uzbek",
        "fo:faroese",
        "ht:haitian_creole",
        "ps:pashto",
        "tk:turkmen",
        "nn:nynorsk",
        "mt:maltese",
        "sa:sanskrit",
        "lb:luxembourgish",
        "my:myanmar",
        "bo:tibetan",
        "tl:tagalog",
        "mg:malagasy",
        "as:assamese",
        "tt:tatar",
        "haw:hawaiian",
        "ln:lingala",
        "ha:hausa",
        "ba:bashkir",
        "jw:javanese",
        "su:sundanese",
        "yue:cantonese",
    ]
)
_OTHER_NAMES = {
    "burmese": "my",
    "valencian": "ca",
    "flemish": "nl",
    "haitian": "ht",
    "letzeburgesch": "lb",
    "pushto": "ps",
    "panjabi": "pa",
    "moldavian": "ro",
    "moldovan": "ro",
    "sinhalese": "si",
    "castilian": "es",
    "mandarin": "zh",
}
_CODES = {**{name: code for code, name in LANGUAGES.items()}, **_OTHER_NAMES}
_TASKS = ("translate", "transcribe")
#: Special tokens behind those of the languages.
_TASK_TOKENS = (
    "<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nocaptions|>", "<|notimestamps|>",
)  # fmt: skip
_TIME = re.compile(r"<\|(\d+\.\d+)\|>")
_NUM_TIMES = 1501
_SECONDS_PER_TIME = 0.02


def _whisper(sources: Sources) -> JsonObject:
    path = sources.path()
    if path.suffix != ".json" and is_rank_file(path):
        return _from_ranks(sources)
    model = model_from_files(sources)
    sources.settle(model["vocab"])
    prefix = prefix_tokens(sources.settings, lambda token: sources.id_of(token))
    names = {id_: token for token, id_ in model["vocab"].items()} | {
        id_: t.content for id_, t in sources.added.values()
    }
    single, pair = _templates([names[id_] for id_ in prefix])
    return byte_level_document(sources, model, sources.template_of(single, pair))


def _from_ranks(sources: Sources) -> JsonObject:
    """From OpenAI's own file, whose special tokens are known: behind the vocabulary, languages and times included."""
    vocab, merges = merges_of(read_ranks(sources.path()))
    num_languages = 99
    languages = [f"<|{code}|>" for code in list(LANGUAGES)[:num_languages]]
    special = ["<|endoftext|>", "<|startoftranscript|>", *languages, *_TASK_TOKENS]
    times = [f"<|{number * _SECONDS_PER_TIME:.2f}|>" for number in range(_NUM_TIMES)]
    for token in (*special, *times):
        vocab.setdefault(token, len(vocab))
    given = sources.settings.get("additional_special_tokens")
    sources.settings = {**sources.settings, "additional_special_tokens": given or special[1:]}
    sources.settle(vocab)
    prefix = ["<|startoftranscript|>", "<|notimestamps|>"]
    model = bpe_model(vocab, merges)
    document = byte_level_document(sources, model, sources.template_of(*_templates(prefix)))
    return {**document, "pre_tokenizer": byte_level(add_prefix_space=False), "decoder": dict(BYTE_LEVEL)}


def prefix_tokens(settings: Any, id_of: Any) -> list[int]:
    """The ids in front of texts: the start, and the language, task and absence of times where they're set.

    Raises:
        InputError: The language or task is unknown.
    """
    begin, language, task = id_of("<|startoftranscript|>"), settings.get("language"), settings.get("task")
    ids = [begin]
    if language is not None:
        name = language.lower()
        code = _CODES.get(name, name if name in LANGUAGES else None)
        if code is None:
            known = LANGUAGES if len(name) == 2 else _CODES
            raise InputError(f"language={language!r} is not known: use one of {', '.join(known)}")
        ids.append(begin + 1 + list(LANGUAGES).index(code))
    if task is not None:
        if task not in _TASKS:
            raise InputError(f"task={task!r} is not known: use one of {', '.join(_TASKS)}")
        ids.append(id_of(f"<|{task}|>"))
    if not settings.get("predict_timestamps"):
        ids.append(id_of("<|notimestamps|>"))
    return ids


def _templates(prefix: list[str]) -> tuple[str, str]:
    before = "".join(f"{token}:0 " for token in prefix)
    return f"{before}$A:0 {{eos}}:0", f"{before}$A:0 $B:1 {{eos}}:1"


WHISPER = Family(
    files={"vocab_file": ("vocab.json", "multilingual.tiktoken"), "merges_file": ("merges.txt",)},
    roles={"unk_token": "<|endoftext|>", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"},
    settings={"add_prefix_space": False, "language": None, "task": None, "predict_timestamps": False},
    flags={"*": ""},
    built_flags={"*": ""},
    build=_whisper,
)


class WhisperTokenizerFast(GPT2TokenizerFast):
    """Whisper's tokenizer: byte-level BPE, with tokens for the language and the task in front of the text.

    Args:
        vocab_file: Path of a vocab.json or of OpenAI's multilingual.tiktoken, if there's no tokenizer.json.
        merges_file: Path of the merges.txt that goes with a vocab.json.
        tokenizer_file: Path of a tokenizer.json.
        language: The language, by name or code.
        task: ``"transcribe"`` or ``"translate"``.
        predict_timestamps: Leave out the token that says that there are no times.
        **settings: See :class:`~dure.tokenizers.tokenizer.PreTrainedTokenizerFast`.
    """

    family = WHISPER

    def __init__(self, *paths: Any, **settings: Any) -> None:
        super().__init__(*paths, **settings)
        self.language: str | None = self.init_kwargs["language"]
        self.task: str | None = self.init_kwargs["task"]
        self.predict_timestamps = bool(self.init_kwargs["predict_timestamps"])

    @property
    def prefix_tokens(self) -> list[int]:
        """The ids that stand in front of texts."""
        settings = {"language": self.language, "task": self.task, "predict_timestamps": self.predict_timestamps}
        return prefix_tokens(settings, self.convert_tokens_to_ids)

    def set_prefix_tokens(
        self, language: str | None = None, task: str | None = None, predict_timestamps: bool | None = None
    ) -> None:
        """Change what stands in front of texts from now on; None leaves a setting as it is.

        Raises:
            InputError: The language or task is unknown.
        """
        self.language = self.language if language is None else language
        self.task = self.task if task is None else task
        if predict_timestamps is not None:
            self.predict_timestamps = predict_timestamps
        self._set_template(*_templates(self.convert_ids_to_tokens(self.prefix_tokens)))

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """Ids of one or two texts with the special tokens around them."""
        return [*self.prefix_tokens, *token_ids_0, *(token_ids_1 or []), cast("int", self.eos_token_id)]

    def get_decoder_prompt_ids(
        self, task: str | None = None, language: str | None = None, no_timestamps: bool = True
    ) -> list[tuple[int, int]]:
        """The positions and ids that generation begins with, behind the start."""
        self.set_prefix_tokens(language=language, task=task, predict_timestamps=not no_timestamps)
        return list(enumerate(self.prefix_tokens[1:], 1))

    def get_prompt_ids(self, text: str, return_tensors: Any = "np") -> Any:
        """The ids of a prompt: what was said before.

        Raises:
            InputError: The prompt holds a special token.
        """
        batch = self("<|startofprev|>", f" {text.strip()}", add_special_tokens=False)
        first = self.all_special_ids[0]
        special = next((id_ for id_ in batch["input_ids"][1:] if id_ >= first), None)
        if special is not None:
            raise InputError(f"a prompt can't have special tokens, but has {self.convert_ids_to_tokens(special)!r}")
        batch.convert_to_tensors(return_tensors)
        return batch["input_ids"]

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        decode_with_timestamps: bool = False,
        **kwargs: Any,
    ) -> str:
        """The text of one row of ids.

        Args:
            token_ids: The ids.
            skip_special_tokens: Leave out special tokens and the prompt.
            clean_up_tokenization_spaces: See :meth:`PreTrainedTokenizerFast.decode`.
            decode_with_timestamps: Write times as ``<|1.08|>`` where the vocabulary has no tokens for them.
            **kwargs: Not used.
        """
        ids = np.asarray(token_ids.tolist() if hasattr(token_ids, "tolist") else token_ids).reshape(-1).tolist()
        if skip_special_tokens:
            ids = self._without_prompt(ids)
        if decode_with_timestamps:
            return self._with_times(ids, skip_special_tokens)
        text = super().decode(ids, skip_special_tokens, clean_up_tokenization_spaces, **kwargs)
        return _TIME.sub("", text)

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """The texts of several rows of ids; see :meth:`decode`."""
        return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces, **kwargs) for row in sequences]

    def _without_prompt(self, ids: list[int]) -> list[int]:
        begin = self.convert_tokens_to_ids("<|startoftranscript|>")
        if not ids or ids[0] != self.convert_tokens_to_ids("<|startofprev|>"):
            return ids
        return ids[ids.index(begin) :] if begin in ids else []

    def _with_times(self, ids: list[int], skip_special_tokens: bool) -> str:
        """Text and times in turn; times that start again at 0 go on from where the segment before ended."""
        first_time = self.all_special_ids[-1] + 1
        out: list[Any] = [[]]
        latest = before = shift = 0.0
        for position, id_ in enumerate(ids):
            if id_ < first_time:
                out[-1].append(id_)
                continue
            time = (id_ - first_time) * _SECONDS_PER_TIME
            if time < latest:
                if position >= 2 and not (ids[position - 1] >= first_time and ids[position - 2] >= first_time):
                    shift += _SECONDS_PER_TIME * (_NUM_TIMES - 1)
                else:
                    latest, shift = before, shift + before
                    out = out[:-2]
            before, latest = latest, time
            out += [f"<|{time + shift:.2f}|>", []]
        return "".join(
            item if isinstance(item, str) else self.decode(item, skip_special_tokens=skip_special_tokens)
            for item in out
        )


class WhisperTokenizer(WhisperTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""
