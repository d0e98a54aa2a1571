"""Where each public name of Dure is defined. :mod:`dure` imports a name's module when the name is first used."""

from __future__ import annotations

__all__ = ["HOMES"]

#: Modules below ``dure`` and the public names that each holds; both sorted.
# fmt: off
HOMES: dict[str, tuple[str, ...]] = {
    "datasets.collators": ("DataCollatorWithPadding",),
    "datasets.dataset": ("Dataset",),
    "datasets.dataset_dict": ("DatasetDict",),
    "datasets.load": ("load_dataset",),
    "datasets.schema": ("ClassLabel", "Features", "Sequence", "Value"),
    "generation.config": ("GenerationConfig",),
    "generation.logits": (
        "ExponentialDecayLengthPenalty", "ForcedBOSTokenLogitsProcessor", "ForcedEOSTokenLogitsProcessor",
        "InfNanRemoveLogitsProcessor", "LogitNormalization", "LogitsProcessor", "LogitsProcessorList",
        "LogitsWarper", "MinLengthLogitsProcessor", "MinNewTokensLengthLogitsProcessor",
        "NoBadWordsLogitsProcessor", "PrefixConstrainedLogitsProcessor", "SequenceBiasLogitsProcessor",
        "SuppressTokensAtBeginLogitsProcessor", "SuppressTokensLogitsProcessor",
    ),
    "generation.repetition": (
        "EncoderNoRepeatNGramLogitsProcessor", "EncoderRepetitionPenaltyLogitsProcessor",
        "NoRepeatNGramLogitsProcessor", "RepetitionPenaltyLogitsProcessor",
    ),
    "generation.stopping": (
        "EosTokenCriteria", "MaxLengthCriteria", "MaxTimeCriteria", "StopStringCriteria", "StoppingCriteria",
        "StoppingCriteriaList",
    ),
    "generation.stream": (
        "AsyncTextIteratorStreamer", "BaseStreamer", "TextIteratorStreamer", "TextStreamer",
    ),
    "generation.warping": (
        "EpsilonLogitsWarper", "EtaLogitsWarper", "MinPLogitsWarper", "TemperatureLogitsWarper",
        "TopKLogitsWarper", "TopPLogitsWarper", "TypicalLogitsWarper",
    ),
    "models.albert": (
        "AlbertConfig", "AlbertForMaskedLM", "AlbertForMultipleChoice", "AlbertForPreTraining",
        "AlbertForQuestionAnswering", "AlbertForSequenceClassification", "AlbertForTokenClassification",
        "AlbertModel",
    ),
    "models.auto": (
        "AutoConfig", "AutoModel", "AutoModelForCausalLM", "AutoModelForMaskedLM", "AutoModelForMultipleChoice",
        "AutoModelForNextSentencePrediction", "AutoModelForPreTraining", "AutoModelForQuestionAnswering",
        "AutoModelForSeq2SeqLM", "AutoModelForSequenceClassification", "AutoModelForTokenClassification",
    ),
    "models.bart": (
        "BartConfig", "BartForCausalLM", "BartForConditionalGeneration", "BartForQuestionAnswering",
        "BartForSequenceClassification", "BartModel",
    ),
    "models.bert": (
        "BertConfig", "BertForMaskedLM", "BertForMultipleChoice", "BertForNextSentencePrediction",
        "BertForPreTraining", "BertForQuestionAnswering", "BertForSequenceClassification",
        "BertForTokenClassification", "BertLMHeadModel", "BertModel",
    ),
    "models.camembert": (
        "CamembertConfig", "CamembertForCausalLM", "CamembertForMaskedLM", "CamembertForMultipleChoice",
        "CamembertForQuestionAnswering", "CamembertForSequenceClassification", "CamembertForTokenClassification",
        "CamembertModel",
    ),
    "models.config": ("PretrainedConfig",),
    "models.distilbert": (
        "DistilBertConfig", "DistilBertForMaskedLM", "DistilBertForMultipleChoice",
        "DistilBertForQuestionAnswering", "DistilBertForSequenceClassification", "DistilBertForTokenClassification",
        "DistilBertModel",
    ),
    "models.electra": (
        "ElectraConfig", "ElectraForCausalLM", "ElectraForMaskedLM", "ElectraForMultipleChoice",
        "ElectraForPreTraining", "ElectraForQuestionAnswering", "ElectraForSequenceClassification",
        "ElectraForTokenClassification", "ElectraModel",
    ),
    "models.encoder_decoder": ("EncoderDecoderConfig", "EncoderDecoderModel"),
    "models.gemma": (
        "GemmaConfig", "GemmaForCausalLM", "GemmaForSequenceClassification", "GemmaForTokenClassification",
        "GemmaModel",
    ),
    "models.gpt2": (
        "GPT2Config", "GPT2DoubleHeadsModel", "GPT2ForQuestionAnswering", "GPT2ForSequenceClassification",
        "GPT2ForTokenClassification", "GPT2LMHeadModel", "GPT2Model",
    ),
    "models.gpt_neox": (
        "GPTNeoXConfig", "GPTNeoXForCausalLM", "GPTNeoXForQuestionAnswering", "GPTNeoXForSequenceClassification",
        "GPTNeoXForTokenClassification", "GPTNeoXModel",
    ),
    "models.led": (
        "LEDConfig", "LEDForConditionalGeneration", "LEDForQuestionAnswering", "LEDForSequenceClassification",
        "LEDModel",
    ),
    "models.llama": (
        "LlamaConfig", "LlamaForCausalLM", "LlamaForQuestionAnswering", "LlamaForSequenceClassification",
        "LlamaForTokenClassification", "LlamaModel",
    ),
    "models.longformer": (
        "LongformerConfig", "LongformerForMaskedLM", "LongformerForMultipleChoice",
        "LongformerForQuestionAnswering", "LongformerForSequenceClassification", "LongformerForTokenClassification",
        "LongformerModel",
    ),
    "models.marian": ("MarianConfig", "MarianForCausalLM", "MarianMTModel", "MarianModel"),
    "models.mbart": (
        "MBartConfig", "MBartForCausalLM", "MBartForConditionalGeneration", "MBartForQuestionAnswering",
        "MBartForSequenceClassification", "MBartModel",
    ),
    "models.mistral": (
        "MistralConfig", "MistralForCausalLM", "MistralForQuestionAnswering", "MistralForSequenceClassification",
        "MistralForTokenClassification", "MistralModel",
    ),
    "models.modernbert": (
        "ModernBertConfig", "ModernBertForMaskedLM", "ModernBertForMultipleChoice",
        "ModernBertForQuestionAnswering", "ModernBertForSequenceClassification", "ModernBertForTokenClassification",
        "ModernBertModel",
    ),
    "models.mt5": (
        "MT5Config", "MT5EncoderModel", "MT5ForConditionalGeneration", "MT5ForQuestionAnswering",
        "MT5ForSequenceClassification", "MT5ForTokenClassification", "MT5Model",
    ),
    "models.openai_gpt": (
        "OpenAIGPTConfig", "OpenAIGPTDoubleHeadsModel", "OpenAIGPTForSequenceClassification",
        "OpenAIGPTLMHeadModel", "OpenAIGPTModel",
    ),
    "models.pretrained": ("PreTrainedModel",),
    "models.qwen2": (
        "Qwen2Config", "Qwen2ForCausalLM", "Qwen2ForQuestionAnswering", "Qwen2ForSequenceClassification",
        "Qwen2ForTokenClassification", "Qwen2Model",
    ),
    "models.qwen3": (
        "Qwen3Config", "Qwen3ForCausalLM", "Qwen3ForQuestionAnswering", "Qwen3ForSequenceClassification",
        "Qwen3ForTokenClassification", "Qwen3Model",
    ),
    "models.roberta": (
        "RobertaConfig", "RobertaForCausalLM", "RobertaForMaskedLM", "RobertaForMultipleChoice",
        "RobertaForQuestionAnswering", "RobertaForSequenceClassification", "RobertaForTokenClassification",
        "RobertaModel",
    ),
    "models.t5": (
        "T5Config", "T5EncoderModel", "T5ForConditionalGeneration", "T5ForQuestionAnswering",
        "T5ForSequenceClassification", "T5ForTokenClassification", "T5Model",
    ),
    "models.xlm_roberta": (
        "XLMRobertaConfig", "XLMRobertaForCausalLM", "XLMRobertaForMaskedLM", "XLMRobertaForMultipleChoice",
        "XLMRobertaForQuestionAnswering", "XLMRobertaForSequenceClassification", "XLMRobertaForTokenClassification",
        "XLMRobertaModel",
    ),
    "pipelines.base": ("Pipeline",),
    "pipelines.feature_extraction": ("FeatureExtractionPipeline",),
    "pipelines.fill_mask": ("FillMaskPipeline",),
    "pipelines.multiple_choice": ("MultipleChoicePipeline",),
    "pipelines.question_answering": ("QuestionAnsweringPipeline",),
    "pipelines.registry": ("pipeline",),
    "pipelines.semantic_search": ("SemanticSearchPipeline",),
    "pipelines.sentence_similarity": ("SentenceSimilarityPipeline",),
    "pipelines.text2text_generation": ("SummarizationPipeline", "Text2TextGenerationPipeline", "TranslationPipeline"),
    "pipelines.text_classification": ("TextClassificationPipeline",),
    "pipelines.text_generation": ("TextGenerationPipeline",),
    "pipelines.token_classification": ("TokenClassificationPipeline",),
    "pipelines.zero_shot_classification": ("ZeroShotClassificationPipeline",),
    "tokenizers.added_tokens": ("AddedToken",),
    "tokenizers.auto": ("AutoTokenizer",),
    "tokenizers.batch": ("BatchEncoding",),
    "tokenizers.families": (
        "AlbertTokenizer", "AlbertTokenizerFast", "BartTokenizer", "BartTokenizerFast", "BarthezTokenizer",
        "BarthezTokenizerFast", "BertTokenizer", "BertTokenizerFast", "BigBirdTokenizer", "BigBirdTokenizerFast",
        "BlenderbotTokenizer", "BlenderbotTokenizerFast", "BloomTokenizerFast", "CLIPTokenizer",
        "CLIPTokenizerFast", "CamembertTokenizer", "CamembertTokenizerFast", "CodeGenTokenizer",
        "CodeGenTokenizerFast", "CodeLlamaTokenizer", "CodeLlamaTokenizerFast", "ConvBertTokenizer",
        "ConvBertTokenizerFast", "DebertaTokenizer", "DebertaTokenizerFast", "DebertaV2Tokenizer",
        "DebertaV2TokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast", "ElectraTokenizer",
        "ElectraTokenizerFast", "FNetTokenizer", "FNetTokenizerFast", "FunnelTokenizer", "FunnelTokenizerFast",
        "GPT2Tokenizer", "GPT2TokenizerFast", "GPTNeoXTokenizerFast", "GemmaTokenizer", "GemmaTokenizerFast",
        "LEDTokenizer", "LEDTokenizerFast", "LayoutLMTokenizer", "LayoutLMTokenizerFast", "LlamaTokenizer",
        "LlamaTokenizerFast", "LongformerTokenizer", "LongformerTokenizerFast", "MBart50Tokenizer",
        "MBart50TokenizerFast", "MBartTokenizer", "MBartTokenizerFast", "MPNetTokenizer", "MPNetTokenizerFast",
        "MT5Tokenizer", "MT5TokenizerFast", "MarianTokenizer", "MobileBertTokenizer", "MobileBertTokenizerFast",
        "NllbTokenizer", "NllbTokenizerFast", "OpenAIGPTTokenizer", "OpenAIGPTTokenizerFast", "PegasusTokenizer",
        "PegasusTokenizerFast", "Qwen2Tokenizer", "Qwen2TokenizerFast", "RemBertTokenizer", "RemBertTokenizerFast",
        "RobertaTokenizer", "RobertaTokenizerFast", "SqueezeBertTokenizer", "SqueezeBertTokenizerFast",
        "T5Tokenizer", "T5TokenizerFast", "WhisperTokenizer", "WhisperTokenizerFast", "XGLMTokenizer",
        "XGLMTokenizerFast", "XLMRobertaTokenizer", "XLMRobertaTokenizerFast", "XLNetTokenizer",
        "XLNetTokenizerFast",
    ),
    "tokenizers.tokenizer": ("PreTrainedTokenizer", "PreTrainedTokenizerBase", "PreTrainedTokenizerFast"),
    "training.arguments": ("TrainingArguments",),
    "training.callbacks.base": ("TrainerCallback",),
    "training.callbacks.early_stopping": ("EarlyStoppingCallback",),
    "training.outputs": ("EvalPrediction",),
    "training.schedules": ("get_scheduler",),
    "training.seed": ("set_seed",),
    "training.state": ("TrainerControl", "TrainerState"),
    "training.trainer": ("Trainer",),
}
# fmt: on
