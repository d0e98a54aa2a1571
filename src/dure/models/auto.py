"""Auto classes: the checkpoint's ``model_type`` chooses the family."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from dure.errors import InputError, UnknownModelTypeError
from dure.models.config import PretrainedConfig, find_config, read_config
from dure.models.pretrained import PreTrainedModel
from dure.typing import PathLike

__all__ = ["FAMILIES", "AutoConfig", "AutoModel", "AutoModelForCausalLM", "AutoModelForMaskedLM",
           "AutoModelForMultipleChoice", "AutoModelForNextSentencePrediction", "AutoModelForPreTraining",
           "AutoModelForQuestionAnswering", "AutoModelForSeq2SeqLM",
           "AutoModelForSequenceClassification", "AutoModelForTokenClassification", "family_class"]  # fmt: skip

#: ``model_type`` to the module that holds the family, and what its classes begin with.
FAMILIES = {
    "albert": ("dure.models.albert", "Albert"),
    "bart": ("dure.models.bart", "Bart"),
    "bert": ("dure.models.bert", "Bert"),
    "camembert": ("dure.models.camembert", "Camembert"),
    "distilbert": ("dure.models.distilbert", "DistilBert"),
    "electra": ("dure.models.electra", "Electra"),
    "encoder-decoder": ("dure.models.encoder_decoder", "EncoderDecoder"),
    "gemma": ("dure.models.gemma", "Gemma"),
    "gpt2": ("dure.models.gpt2", "GPT2"),
    "gpt_neox": ("dure.models.gpt_neox", "GPTNeoX"),
    "led": ("dure.models.led", "LED"),
    "llama": ("dure.models.llama", "Llama"),
    "longformer": ("dure.models.longformer", "Longformer"),
    "marian": ("dure.models.marian", "Marian"),
    "mbart": ("dure.models.mbart", "MBart"),
    "mistral": ("dure.models.mistral", "Mistral"),
    "modernbert": ("dure.models.modernbert", "ModernBert"),
    "mt5": ("dure.models.mt5", "MT5"),
    "openai-gpt": ("dure.models.openai_gpt", "OpenAIGPT"),
    "qwen2": ("dure.models.qwen2", "Qwen2"),
    "qwen3": ("dure.models.qwen3", "Qwen3"),
    "roberta": ("dure.models.roberta", "Roberta"),
    "t5": ("dure.models.t5", "T5"),
    "xlm-roberta": ("dure.models.xlm_roberta", "XLMRoberta"),
}
#: What serves as a head in families that have none of that name: older families' names, and those of single ones.
OTHER_NAMES = {
    "BartForMaskedLM": "ForConditionalGeneration",
    "ForCausalLM": "LMHeadModel",
    "ForPreTraining": "ForMaskedLM",
    "MBartForMaskedLM": "ForConditionalGeneration",
    "EncoderDecoderForConditionalGeneration": "Model",
    "MarianForConditionalGeneration": "MTModel",
}


def family_class(model_type: Any, suffix: str, source: str) -> Any:
    """A family's class with a certain head.

    Args:
        model_type: The family, as config.json names it.
        suffix: What the class's name ends in, such as ``"Model"`` or ``"ForMaskedLM"``.
        source: What asks, for messages.

    Raises:
        UnknownModelTypeError: The family isn't known; the message lists those that are.
        InputError: It has no such head; the message lists those that it has.
    """
    if not isinstance(model_type, str) or model_type not in FAMILIES:
        raise UnknownModelTypeError(
            f"{source}: model_type {model_type!r} is not known; known: {', '.join(sorted(FAMILIES))}"
        )
    module, prefix = FAMILIES[model_type]
    family = importlib.import_module(module)
    for name in (suffix, OTHER_NAMES.get(prefix + suffix, OTHER_NAMES.get(suffix, suffix))):
        if hasattr(family, prefix + name):
            return getattr(family, prefix + name)
    heads = ", ".join(name for name in family.__all__ if not name.endswith("Config"))
    raise InputError(f"{source}: there is no {prefix}{suffix}; the family has {heads}")


class AutoConfig:
    """The configuration class of a checkpoint's family."""

    @staticmethod
    def from_pretrained(name: PathLike, **overrides: Any) -> PretrainedConfig:
        """The configuration of a checkpoint. Arguments are those of :meth:`PretrainedConfig.from_pretrained`."""
        fields = read_config(find_config(name, overrides))
        config: PretrainedConfig = family_class(fields.get("model_type"), "Config", str(name)).from_dict(
            fields, **overrides
        )
        config._name_or_path = str(name)
        return config

    @staticmethod
    def for_model(model_type: str, **fields: Any) -> PretrainedConfig:
        """A new configuration of a family."""
        config: PretrainedConfig = family_class(model_type, "Config", "AutoConfig.for_model")(**fields)
        return config


class _AutoModelBase:
    """Loads the class of a checkpoint's family that has a certain head."""

    _suffix: ClassVar[str] = "Model"

    def __init__(self) -> None:
        raise InputError(f"use {type(self).__name__}.from_pretrained(...) or .from_config(...)")

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: PathLike, **kwargs: Any) -> Any:
        """The model of a checkpoint. Arguments are those of :meth:`PreTrainedModel.from_pretrained`."""
        name = pretrained_model_name_or_path
        config = kwargs.get("config")
        if config is None:
            model_type = read_config(find_config(name, dict(kwargs))).get("model_type")
        else:
            model_type = config.model_type
        return family_class(model_type, cls._suffix, str(name)).from_pretrained(name, **kwargs)

    @classmethod
    def class_of(cls, config: PretrainedConfig) -> type[PreTrainedModel]:
        """The class of the configuration's family.

        Raises:
            InputError: The family has no such head.
        """
        found: type[PreTrainedModel] = family_class(config.model_type, cls._suffix, cls.__name__)
        return found

    @classmethod
    def from_config(cls, config: PretrainedConfig) -> PreTrainedModel:
        """A model with random weights."""
        return cls.class_of(config)(config)


class AutoModel(_AutoModelBase):
    """The body: hidden states."""


class AutoModelForSeq2SeqLM(_AutoModelBase):
    """Text to text."""

    _suffix: ClassVar[str] = "ForConditionalGeneration"


class AutoModelForSequenceClassification(_AutoModelBase):
    """A class or a number for each text."""

    _suffix: ClassVar[str] = "ForSequenceClassification"


class AutoModelForTokenClassification(_AutoModelBase):
    """A class for each token."""

    _suffix: ClassVar[str] = "ForTokenClassification"


class AutoModelForQuestionAnswering(_AutoModelBase):
    """Where an answer starts and ends."""

    _suffix: ClassVar[str] = "ForQuestionAnswering"


class AutoModelForCausalLM(_AutoModelBase):
    """The next word at each position."""

    _suffix: ClassVar[str] = "ForCausalLM"


class AutoModelForMaskedLM(_AutoModelBase):
    """A word for each masked position."""

    _suffix: ClassVar[str] = "ForMaskedLM"


class AutoModelForMultipleChoice(_AutoModelBase):
    """The best of several continuations."""

    _suffix: ClassVar[str] = "ForMultipleChoice"


class AutoModelForPreTraining(_AutoModelBase):
    """What the family was trained on at first."""

    _suffix: ClassVar[str] = "ForPreTraining"


class AutoModelForNextSentencePrediction(_AutoModelBase):
    """Whether a text follows another."""

    _suffix: ClassVar[str] = "ForNextSentencePrediction"
