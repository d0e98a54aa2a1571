"""Which tokenizer goes with which model, by ``model_type`` in config.json."""

from __future__ import annotations

__all__ = ["MODEL_TYPES"]

#: Names of tokenizers, without "Fast", and the types of models that come with them where nothing else is said.
MODEL_TYPES: dict[str, str] = {
    "AlbertTokenizer": "albert nystromformer yoso",
    "BartTokenizer": "bart",
    "BarthezTokenizer": "barthez",
    "BertTokenizer": (
        "align bark bert blip bros chinese_clip ernie git grounding-dino megatron-bert mm-grounding-dino nezha "
        "qdqbert tvp vilt visual_bert "
    ),
    "BigBirdTokenizer": "big_bird",
    "BlenderbotTokenizer": "blenderbot",
    "BloomTokenizer": "bloom",
    "CLIPTokenizer": "aimv2 clip clipseg groupvit omdet-turbo oneformer owlv2 owlvit xclip",
    "CamembertTokenizer": "camembert",
    "CodeGenTokenizer": "codegen phi",
    "CodeLlamaTokenizer": "code_llama",
    "ConvBertTokenizer": "convbert",
    "DebertaTokenizer": "deberta",
    "DebertaV2Tokenizer": "deberta-v2",
    "DistilBertTokenizer": "distilbert",
    "ElectraTokenizer": "electra",
    "FNetTokenizer": "fnet",
    "FunnelTokenizer": "funnel",
    "GPT2Tokenizer": (
        "blip-2 dbrx emu3 exaone4 flex_olmo gpt2 gpt_bigcode gpt_neo gptj granite granitemoe granitemoehybrid "
        "granitemoeshared instructblip instructblipvideo minimax olmo3 opt starcoder2 "
    ),
    "GPTNeoXTokenizer": "falcon_mamba gpt_neox mamba mamba2 mpt olmo olmo2 olmoe rwkv stablelm xlstm",
    "GemmaTokenizer": (
        "gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text recurrent_gemma shieldgemma2 siglip2 t5gemma "
    ),
    "LEDTokenizer": "led",
    "LayoutLMTokenizer": "layoutlm",
    "LlamaTokenizer": (
        "arcee aria chameleon colpali deepseek_v2 deepseek_v3 deepseek_vl deepseek_vl_hybrid diffllama ernie4_5 "
        "ernie4_5_moe idefics idefics2 idefics3 jamba janus jetmoe llama llama4 llama4_text llava llava_next "
        "llava_next_video llava_onevision ministral mistral mistral3 mixtral mllama paligemma persimmon phi3 phimoe "
        "video_llava vipllava zamba zamba2 "
    ),
    "LongformerTokenizer": "longformer",
    "MBart50Tokenizer": "mbart50",
    "MBartTokenizer": "mbart",
    "MPNetTokenizer": "mpnet",
    "MarianTokenizer": "marian",
    "MT5Tokenizer": "mt5",
    "MobileBertTokenizer": "mobilebert",
    "NllbTokenizer": "nllb nllb-moe",
    "OpenAIGPTTokenizer": "openai-gpt",
    "PegasusTokenizer": "bigbird_pegasus pegasus pegasus_x",
    "PreTrainedTokenizer": (
        "bitnet blt csm falcon glm glm4 glm4_moe glm4v glm4v_moe gpt_oss helium kosmos-2.5 modernbert moonshine "
        "moshi nemotron pixtral smollm3 voxtral "
    ),
    "Qwen2Tokenizer": (
        "colqwen2 internvl qwen2 qwen2_5_omni qwen2_5_vl qwen2_audio qwen2_moe qwen2_vl qwen3 qwen3_moe qwen3_next "
        "qwen3_omni_moe qwen3_vl qwen3_vl_moe "
    ),
    "RemBertTokenizer": "rembert",
    "RobertaTokenizer": "bridgetower clap data2vec-text ibert mega mra roberta roberta-prelayernorm",
    "SqueezeBertTokenizer": "squeezebert",
    "T5Tokenizer": "longt5 musicgen musicgen_melody pix2struct switch_transformers t5 umt5",
    "WhisperTokenizer": "whisper",
    "XGLMTokenizer": "xglm",
    "XLMRobertaTokenizer": "kosmos-2 metaclip_2 xlm-roberta xlm-roberta-xl xmod",
    "XLNetTokenizer": "xlnet",
}
