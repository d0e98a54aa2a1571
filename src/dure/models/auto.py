"""Auto classes: the checkpoint's ``model_type`` chooses the family."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from dure.errors import InputError, UnknownModelTypeError
from dure.models.config import PretrainedConfig, find_config, read_config
from dure.models.pretrained import PreTrainedModel
from dure.typing import PathLike

__all__ = ["FAMILIES", "AutoConfig", "AutoModel", "AutoModelForMaskedLM", "AutoModelForMultipleChoice",
           "AutoModelForNextSentencePrediction", "AutoModelForPreTraining", "AutoModelForQuestionAnswering",
           "AutoModelForSequenceClassification", "AutoModelForTokenClassification"]  # fmt: skip

#: ``model_type`` to the module that holds the family, and what its classes begin with.
FAMILIES = {
    "albert": ("dure.models.albert", "Albert"),
    "bert": ("dure.models.bert", "Bert"),
    "camembert": ("dure.models.camembert", "Camembert"),
    "distilbert": ("dure.models.distilbert", "DistilBert"),
    "electra": ("dure.models.electra", "Electra"),
    "longformer": ("dure.models.longformer", "Longformer"),
    "modernbert": ("dure.models.modernbert", "ModernBert"),
    "roberta": ("dure.models.roberta", "Roberta"),
    "xlm-roberta": ("dure.models.xlm_roberta", "XLMRoberta"),
}
#: What serves as a head in families that have none of that name.
OTHER_NAMES = {"ForPreTraining": "ForMaskedLM"}


def _family_class(model_type: Any, suffix: str, source: str) -> Any:
    if not isinstance(model_type, str) or model_type not in FAMILIES:
        raise UnknownModelTypeError(
            f"{source}: model_type {model_type!r} is not known; known: {', '.join(sorted(FAMILIES))}"
        )
    module, prefix = FAMILIES[model_type]
    family = importlib.import_module(module)
    for name in (prefix + suffix, prefix + OTHER_NAMES.get(suffix, suffix)):
        if hasattr(family, name):
            return getattr(family, name)
    heads = ", ".join(name for name in family.__all__ if not name.endswith("Config"))
    raise InputError(f"{source}: there is no {prefix}{suffix}; the family has {heads}")


class AutoConfig:
    """The configuration class of a checkpoint's family."""

    @staticmethod
    def from_pretrained(name: PathLike, **overrides: Any) -> PretrainedConfig:
        """The configuration of a checkpoint. Arguments are those of :meth:`PretrainedConfig.from_pretrained`."""
        fields = read_config(find_config(name, overrides))
        config: PretrainedConfig = _family_class(fields.get("model_type"), "Config", str(name)).from_dict(
            fields, **overrides
        )
        config._name_or_path = str(name)
        return config

    @staticmethod
    def for_model(model_type: str, **fields: Any) -> PretrainedConfig:
        """A new configuration of a family."""
        config: PretrainedConfig = _family_class(model_type, "Config", "AutoConfig.for_model")(**fields)
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
        return _family_class(model_type, cls._suffix, str(name)).from_pretrained(name, **kwargs)

    @classmethod
    def from_config(cls, config: PretrainedConfig) -> PreTrainedModel:
        """A model with random weights."""
        model: PreTrainedModel = _family_class(config.model_type, cls._suffix, cls.__name__)(config)
        return model


class AutoModel(_AutoModelBase):
    """The body: hidden states."""


class AutoModelForSequenceClassification(_AutoModelBase):
    """A class or a number for each text."""

    _suffix: ClassVar[str] = "ForSequenceClassification"


class AutoModelForTokenClassification(_AutoModelBase):
    """A class for each token."""

    _suffix: ClassVar[str] = "ForTokenClassification"


class AutoModelForQuestionAnswering(_AutoModelBase):
    """Where an answer starts and ends."""

    _suffix: ClassVar[str] = "ForQuestionAnswering"


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
