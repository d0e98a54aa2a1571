"""Dure: transformers, tokenizers and datasets in one package that works offline and is fast on a CPU.

Public names are those of the libraries whose code people already have: change the import and go on. Each is imported
when it is first used, so ``import dure`` is instant and loads neither torch nor pyarrow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dure.datasets.collators import DataCollatorWithPadding
    from dure.datasets.dataset import Dataset
    from dure.datasets.dataset_dict import DatasetDict
    from dure.datasets.load import load_dataset
    from dure.datasets.schema import ClassLabel, Features, Sequence, Value
    from dure.models.auto import (
        AutoConfig,
        AutoModel,
        AutoModelForCausalLM,
        AutoModelForMaskedLM,
        AutoModelForMultipleChoice,
        AutoModelForQuestionAnswering,
        AutoModelForSeq2SeqLM,
        AutoModelForSequenceClassification,
        AutoModelForTokenClassification,
    )
    from dure.models.bart import (
        BartConfig,
        BartForCausalLM,
        BartForConditionalGeneration,
        BartForQuestionAnswering,
        BartForSequenceClassification,
        BartModel,
    )
    from dure.models.bert import (
        BertConfig,
        BertForMaskedLM,
        BertForMultipleChoice,
        BertForQuestionAnswering,
        BertForSequenceClassification,
        BertForTokenClassification,
        BertModel,
    )
    from dure.models.bert_decoder import (
        BertLMHeadModel,
    )
    from dure.models.config import PretrainedConfig
    from dure.models.distilbert import (
        DistilBertConfig,
        DistilBertForMaskedLM,
        DistilBertForMultipleChoice,
        DistilBertForQuestionAnswering,
        DistilBertForSequenceClassification,
        DistilBertForTokenClassification,
        DistilBertModel,
    )
    from dure.models.encoder_decoder import (
        EncoderDecoderConfig,
        EncoderDecoderModel,
    )
    from dure.models.gemma import (
        GemmaConfig,
        GemmaForCausalLM,
        GemmaForSequenceClassification,
        GemmaForTokenClassification,
        GemmaModel,
    )
    from dure.models.gpt2 import (
        GPT2Config,
        GPT2ForQuestionAnswering,
        GPT2ForSequenceClassification,
        GPT2ForTokenClassification,
        GPT2LMHeadModel,
        GPT2Model,
    )
    from dure.models.led import (
        LEDConfig,
        LEDForConditionalGeneration,
        LEDForQuestionAnswering,
        LEDForSequenceClassification,
        LEDModel,
    )
    from dure.models.llama import (
        LlamaConfig,
        LlamaForCausalLM,
        LlamaForQuestionAnswering,
        LlamaForSequenceClassification,
        LlamaForTokenClassification,
        LlamaModel,
    )
    from dure.models.marian import (
        MarianConfig,
        MarianForCausalLM,
        MarianModel,
        MarianMTModel,
    )
    from dure.models.mbart import (
        MBartConfig,
        MBartForCausalLM,
        MBartForConditionalGeneration,
        MBartForQuestionAnswering,
        MBartForSequenceClassification,
        MBartModel,
    )
    from dure.models.mistral import (
        MistralConfig,
        MistralForCausalLM,
        MistralForQuestionAnswering,
        MistralForSequenceClassification,
        MistralForTokenClassification,
        MistralModel,
    )
    from dure.models.mt5 import (
        MT5Config,
        MT5EncoderModel,
        MT5ForConditionalGeneration,
        MT5ForQuestionAnswering,
        MT5ForSequenceClassification,
        MT5ForTokenClassification,
        MT5Model,
    )
    from dure.models.openai_gpt import (
        OpenAIGPTConfig,
        OpenAIGPTForSequenceClassification,
        OpenAIGPTLMHeadModel,
        OpenAIGPTModel,
    )
    from dure.models.pretrained import PreTrainedModel
    from dure.models.qwen2 import (
        Qwen2Config,
        Qwen2ForCausalLM,
        Qwen2ForQuestionAnswering,
        Qwen2ForSequenceClassification,
        Qwen2ForTokenClassification,
        Qwen2Model,
    )
    from dure.models.qwen3 import (
        Qwen3Config,
        Qwen3ForCausalLM,
        Qwen3ForQuestionAnswering,
        Qwen3ForSequenceClassification,
        Qwen3ForTokenClassification,
        Qwen3Model,
    )
    from dure.models.t5 import (
        T5Config,
        T5EncoderModel,
        T5ForConditionalGeneration,
        T5ForQuestionAnswering,
        T5ForSequenceClassification,
        T5ForTokenClassification,
        T5Model,
    )
    from dure.pipelines.registry import pipeline
    from dure.tokenizers.added_tokens import AddedToken
    from dure.tokenizers.auto import AutoTokenizer
    from dure.tokenizers.batch import BatchEncoding
    from dure.tokenizers.families import (
        AlbertTokenizer,
        AlbertTokenizerFast,
        BarthezTokenizer,
        BarthezTokenizerFast,
        BartTokenizer,
        BartTokenizerFast,
        BertTokenizer,
        BertTokenizerFast,
        BigBirdTokenizer,
        BigBirdTokenizerFast,
        BlenderbotTokenizer,
        BlenderbotTokenizerFast,
        BloomTokenizerFast,
        CamembertTokenizer,
        CamembertTokenizerFast,
        CLIPTokenizer,
        CLIPTokenizerFast,
        CodeGenTokenizer,
        CodeGenTokenizerFast,
        CodeLlamaTokenizer,
        CodeLlamaTokenizerFast,
        ConvBertTokenizer,
        ConvBertTokenizerFast,
        DebertaTokenizer,
        DebertaTokenizerFast,
        DebertaV2Tokenizer,
        DebertaV2TokenizerFast,
        DistilBertTokenizer,
        DistilBertTokenizerFast,
        ElectraTokenizer,
        ElectraTokenizerFast,
        FNetTokenizer,
        FNetTokenizerFast,
        FunnelTokenizer,
        FunnelTokenizerFast,
        GemmaTokenizer,
        GemmaTokenizerFast,
        GPT2Tokenizer,
        GPT2TokenizerFast,
        GPTNeoXTokenizerFast,
        LayoutLMTokenizer,
        LayoutLMTokenizerFast,
        LEDTokenizer,
        LEDTokenizerFast,
        LlamaTokenizer,
        LlamaTokenizerFast,
        LongformerTokenizer,
        LongformerTokenizerFast,
        MarianTokenizer,
        MBart50Tokenizer,
        MBart50TokenizerFast,
        MBartTokenizer,
        MBartTokenizerFast,
        MobileBertTokenizer,
        MobileBertTokenizerFast,
        MPNetTokenizer,
        MPNetTokenizerFast,
        MT5Tokenizer,
        MT5TokenizerFast,
        NllbTokenizer,
        NllbTokenizerFast,
        OpenAIGPTTokenizer,
        OpenAIGPTTokenizerFast,
        PegasusTokenizer,
        PegasusTokenizerFast,
        Qwen2Tokenizer,
        Qwen2TokenizerFast,
        RemBertTokenizer,
        RemBertTokenizerFast,
        RobertaTokenizer,
        RobertaTokenizerFast,
        SqueezeBertTokenizer,
        SqueezeBertTokenizerFast,
        T5Tokenizer,
        T5TokenizerFast,
        WhisperTokenizer,
        WhisperTokenizerFast,
        XGLMTokenizer,
        XGLMTokenizerFast,
        XLMRobertaTokenizer,
        XLMRobertaTokenizerFast,
        XLNetTokenizer,
        XLNetTokenizerFast,
    )
    from dure.tokenizers.tokenizer import PreTrainedTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
    from dure.training.arguments import TrainingArguments
    from dure.training.callbacks.base import TrainerCallback
    from dure.training.callbacks.early_stopping import EarlyStoppingCallback
    from dure.training.outputs import EvalPrediction
    from dure.training.schedules import get_scheduler
    from dure.training.seed import set_seed
    from dure.training.state import TrainerControl, TrainerState
    from dure.training.trainer import Trainer

__version__ = "0.1.0"

_HOMES = {
    "datasets.collators": ("DataCollatorWithPadding",),
    "datasets.dataset": ("Dataset",),
    "datasets.dataset_dict": ("DatasetDict",),
    "datasets.load": ("load_dataset",),
    "datasets.schema": (
        "ClassLabel",
        "Features",
        "Sequence",
        "Value",
    ),
    "models.auto": (
        "AutoConfig",
        "AutoModel",
        "AutoModelForCausalLM",
        "AutoModelForMaskedLM",
        "AutoModelForMultipleChoice",
        "AutoModelForQuestionAnswering",
        "AutoModelForSeq2SeqLM",
        "AutoModelForSequenceClassification",
        "AutoModelForTokenClassification",
    ),
    "models.bart": (
        "BartConfig",
        "BartForCausalLM",
        "BartForConditionalGeneration",
        "BartForQuestionAnswering",
        "BartForSequenceClassification",
        "BartModel",
    ),
    "models.bert": (
        "BertConfig",
        "BertForMaskedLM",
        "BertForMultipleChoice",
        "BertForQuestionAnswering",
        "BertForSequenceClassification",
        "BertForTokenClassification",
        "BertModel",
    ),
    "models.bert_decoder": (
        "BertLMHeadModel",
    ),
    "models.config": ("PretrainedConfig",),
    "models.distilbert": (
        "DistilBertConfig",
        "DistilBertForMaskedLM",
        "DistilBertForMultipleChoice",
        "DistilBertForQuestionAnswering",
        "DistilBertForSequenceClassification",
        "DistilBertForTokenClassification",
        "DistilBertModel",
    ),
    "models.encoder_decoder": (
        "EncoderDecoderConfig",
        "EncoderDecoderModel",
    ),
    "models.gemma": (
        "GemmaConfig",
        "GemmaForCausalLM",
        "GemmaForSequenceClassification",
        "GemmaForTokenClassification",
        "GemmaModel",
    ),
    "models.gpt2": (
        "GPT2Config",
        "GPT2ForQuestionAnswering",
        "GPT2ForSequenceClassification",
        "GPT2ForTokenClassification",
        "GPT2LMHeadModel",
        "GPT2Model",
    ),
    "models.led": (
        "LEDConfig",
        "LEDForConditionalGeneration",
        "LEDForQuestionAnswering",
        "LEDForSequenceClassification",
        "LEDModel",
    ),
    "models.llama": (
        "LlamaConfig",
        "LlamaForCausalLM",
        "LlamaForQuestionAnswering",
        "LlamaForSequenceClassification",
        "LlamaForTokenClassification",
        "LlamaModel",
    ),
    "models.marian": (
        "MarianConfig",
        "MarianForCausalLM",
        "MarianMTModel",
        "MarianModel",
    ),
    "models.mbart": (
        "MBartConfig",
        "MBartForCausalLM",
        "MBartForConditionalGeneration",
        "MBartForQuestionAnswering",
        "MBartForSequenceClassification",
        "MBartModel",
    ),
    "models.mistral": (
        "MistralConfig",
        "MistralForCausalLM",
        "MistralForQuestionAnswering",
        "MistralForSequenceClassification",
        "MistralForTokenClassification",
        "MistralModel",
    ),
    "models.mt5": (
        "MT5Config",
        "MT5EncoderModel",
        "MT5ForConditionalGeneration",
        "MT5ForQuestionAnswering",
        "MT5ForSequenceClassification",
        "MT5ForTokenClassification",
        "MT5Model",
    ),
    "models.openai_gpt": (
        "OpenAIGPTConfig",
        "OpenAIGPTForSequenceClassification",
        "OpenAIGPTLMHeadModel",
        "OpenAIGPTModel",
    ),
    "models.pretrained": ("PreTrainedModel",),
    "models.qwen2": (
        "Qwen2Config",
        "Qwen2ForCausalLM",
        "Qwen2ForQuestionAnswering",
        "Qwen2ForSequenceClassification",
        "Qwen2ForTokenClassification",
        "Qwen2Model",
    ),
    "models.qwen3": (
        "Qwen3Config",
        "Qwen3ForCausalLM",
        "Qwen3ForQuestionAnswering",
        "Qwen3ForSequenceClassification",
        "Qwen3ForTokenClassification",
        "Qwen3Model",
    ),
    "models.t5": (
        "T5Config",
        "T5EncoderModel",
        "T5ForConditionalGeneration",
        "T5ForQuestionAnswering",
        "T5ForSequenceClassification",
        "T5ForTokenClassification",
        "T5Model",
    ),
    "pipelines.registry": ("pipeline",),
    "tokenizers.added_tokens": ("AddedToken",),
    "tokenizers.auto": ("AutoTokenizer",),
    "tokenizers.batch": ("BatchEncoding",),
    "tokenizers.families": (
        "AlbertTokenizer",
        "AlbertTokenizerFast",
        "BartTokenizer",
        "BartTokenizerFast",
        "BarthezTokenizer",
        "BarthezTokenizerFast",
        "BertTokenizer",
        "BertTokenizerFast",
        "BigBirdTokenizer",
        "BigBirdTokenizerFast",
        "BlenderbotTokenizer",
        "BlenderbotTokenizerFast",
        "BloomTokenizerFast",
        "CLIPTokenizer",
        "CLIPTokenizerFast",
        "CamembertTokenizer",
        "CamembertTokenizerFast",
        "CodeGenTokenizer",
        "CodeGenTokenizerFast",
        "CodeLlamaTokenizer",
        "CodeLlamaTokenizerFast",
        "ConvBertTokenizer",
        "ConvBertTokenizerFast",
        "DebertaTokenizer",
        "DebertaTokenizerFast",
        "DebertaV2Tokenizer",
        "DebertaV2TokenizerFast",
        "DistilBertTokenizer",
        "DistilBertTokenizerFast",
        "ElectraTokenizer",
        "ElectraTokenizerFast",
        "FNetTokenizer",
        "FNetTokenizerFast",
        "FunnelTokenizer",
        "FunnelTokenizerFast",
        "GPT2Tokenizer",
        "GPT2TokenizerFast",
        "GPTNeoXTokenizerFast",
        "GemmaTokenizer",
        "GemmaTokenizerFast",
        "LEDTokenizer",
        "LEDTokenizerFast",
        "LayoutLMTokenizer",
        "LayoutLMTokenizerFast",
        "LlamaTokenizer",
        "LlamaTokenizerFast",
        "LongformerTokenizer",
        "LongformerTokenizerFast",
        "MBart50Tokenizer",
        "MBart50TokenizerFast",
        "MBartTokenizer",
        "MBartTokenizerFast",
        "MPNetTokenizer",
        "MPNetTokenizerFast",
        "MT5Tokenizer",
        "MT5TokenizerFast",
        "MarianTokenizer",
        "MobileBertTokenizer",
        "MobileBertTokenizerFast",
        "NllbTokenizer",
        "NllbTokenizerFast",
        "OpenAIGPTTokenizer",
        "OpenAIGPTTokenizerFast",
        "PegasusTokenizer",
        "PegasusTokenizerFast",
        "Qwen2Tokenizer",
        "Qwen2TokenizerFast",
        "RemBertTokenizer",
        "RemBertTokenizerFast",
        "RobertaTokenizer",
        "RobertaTokenizerFast",
        "SqueezeBertTokenizer",
        "SqueezeBertTokenizerFast",
        "T5Tokenizer",
        "T5TokenizerFast",
        "WhisperTokenizer",
        "WhisperTokenizerFast",
        "XGLMTokenizer",
        "XGLMTokenizerFast",
        "XLMRobertaTokenizer",
        "XLMRobertaTokenizerFast",
        "XLNetTokenizer",
        "XLNetTokenizerFast",
    ),
    "tokenizers.tokenizer": (
        "PreTrainedTokenizer",
        "PreTrainedTokenizerBase",
        "PreTrainedTokenizerFast",
    ),
    "training.arguments": ("TrainingArguments",),
    "training.callbacks.base": ("TrainerCallback",),
    "training.callbacks.early_stopping": ("EarlyStoppingCallback",),
    "training.outputs": ("EvalPrediction",),
    "training.schedules": ("get_scheduler",),
    "training.seed": ("set_seed",),
    "training.state": (
        "TrainerControl",
        "TrainerState",
    ),
    "training.trainer": ("Trainer",),
}
_HOME_OF = {name: f"dure.{module}" for module, names in _HOMES.items() for name in names}

__all__ = [
    *sorted(_HOME_OF),
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'dure' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
