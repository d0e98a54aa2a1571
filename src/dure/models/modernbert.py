"""ModernBERT: Warner et al., "Smarter, Better, Faster, Longer: A Modern Bidirectional Encoder" (2024).

https://arxiv.org/abs/2412.13663. Norms stand before the parts, positions rotate, feed-forward layers are gated, and
most blocks look at near tokens only. Read from top to bottom: configuration, block, body, heads.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.attention import Attention
from dure.layers.block import walk
from dure.layers.dropout import dropout as drop
from dure.layers.embedding import Embedding
from dure.layers.feedforward import GatedFeedForward
from dure.layers.linear import Linear
from dure.layers.mask import Mask
from dure.layers.packing import Packing
from dure.layers.positions import Angles, Rotary
from dure.layers.recomputing import Recomputable
from dure.models import encoder_heads, outputs
from dure.models.config import PretrainedConfig
from dure.models.heads import token_loss
from dure.models.inputs import check_inputs
from dure.models.pretrained import PreTrainedModel
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["ModernBertConfig", "ModernBertForMaskedLM", "ModernBertForMultipleChoice", "ModernBertForQuestionAnswering",
           "ModernBertForSequenceClassification", "ModernBertForTokenClassification", "ModernBertModel"]  # fmt: skip


class ModernBertConfig(PretrainedConfig):
    """Configuration of a ModernBERT; the defaults are those of ModernBERT-base."""

    model_type: ClassVar[str] = "modernbert"
    defaults: ClassVar[JsonObject] = {
        "vocab_size": 50368, "hidden_size": 768, "intermediate_size": 1152, "num_hidden_layers": 22,
        "num_attention_heads": 12, "hidden_activation": "gelu", "max_position_embeddings": 8192,
        "initializer_range": 0.02, "initializer_cutoff_factor": 2.0, "norm_eps": 1e-5, "norm_bias": False,
        "pad_token_id": 50283, "eos_token_id": 50282, "bos_token_id": 50281, "cls_token_id": 50281,
        "sep_token_id": 50282, "global_rope_theta": 160000.0, "attention_bias": False, "attention_dropout": 0.0,
        "global_attn_every_n_layers": 3, "local_attention": 128, "local_rope_theta": 10000.0,
        "embedding_dropout": 0.0, "mlp_bias": False, "mlp_dropout": 0.0, "decoder_bias": True,
        "classifier_pooling": "cls", "classifier_dropout": 0.0, "classifier_bias": False,
        "classifier_activation": "gelu", "deterministic_flash_attn": False, "sparse_prediction": False,
        "sparse_pred_ignore_index": -100, "repad_logits_with_grad": False,
    }  # fmt: skip

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        if self.classifier_pooling not in {"cls", "mean"}:
            raise ConfigError(f"classifier_pooling is {self.classifier_pooling!r}; known: 'cls', 'mean'")


def _norm(config: PretrainedConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.hidden_size, eps=config.norm_eps, bias=config.norm_bias)


class Embeddings(nn.Module):
    """Words, normed: positions come in by rotation."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.word_embeddings = Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.norm = _norm(config)
        self.dropout = config.embedding_dropout

    def forward(self, words: Tensor) -> Tensor:
        """Packed words ``(num_tokens, hidden_size)`` to hidden states."""
        return drop(self.norm(words), self.dropout, self.training)


class Block(Recomputable):
    """``x + attention(norm(x))``, then ``x + feedforward(norm(x))``; the first has no norm before its attention."""

    def __init__(self, config: PretrainedConfig, layer: int) -> None:
        super().__init__()
        self.is_local = layer % config.global_attn_every_n_layers != 0
        self.attn_norm = nn.Identity() if layer == 0 else _norm(config)
        self.attn = Attention(
            config.hidden_size, config.num_attention_heads, config.attention_dropout, has_bias=config.attention_bias,
            mask=Mask(window=config.local_attention if self.is_local else None), is_joint=True,
        )  # fmt: skip
        self.mlp_norm = _norm(config)
        self.mlp = GatedFeedForward(
            config.hidden_size, config.intermediate_size, activation_name=config.hidden_activation,
            has_bias=config.mlp_bias, inner_dropout=config.mlp_dropout, is_joint=True,
        )  # fmt: skip

    def forward(
        self, hidden: Tensor, packing: Packing, needs_weights: bool, angles: dict[bool, Angles]
    ) -> tuple[Tensor, Tensor | None, None]:
        """``(num_tokens, hidden_size)`` to the same, the attention weights where they are asked for, and no others."""
        dropout = self.attn.dropout if self.training else 0.0
        # Padding far from all words sees nothing. Step by step, and with a bias, its weights are the original's even
        # ones; the fused kernel's gradient is wrong there.
        keeps_padding = packing.positions is None and packing.mask is not None
        hidden, weights = self.attn(
            self.attn_norm(hidden), packing, needs_weights or keeps_padding, residual=hidden, output_dropout=dropout,
            angles=angles[self.is_local], bias=hidden.new_zeros(1, 1, 1, 1) if keeps_padding else None,
        )  # fmt: skip
        return self.mlp(self.mlp_norm(hidden), residual=hidden), weights, None


class ModernBertPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: names and first values of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = ModernBertConfig
    base_model_prefix: ClassVar[str] = "model"
    renames: ClassVar[Renames] = Renames(
        ("embeddings.word_embeddings", "embeddings.tok_embeddings"), ("attn.joint", "attn.Wqkv"),
        ("attn.output", "attn.Wo"), ("mlp.joint", "mlp.Wi"), ("mlp.down", "mlp.Wo"),
    )  # fmt: skip

    def init_parameter(self, module: nn.Module, leaf: str) -> None:
        """Normal without far values; what adds to the residual starts smaller the deeper the model is."""
        parameter, config = module._parameters[leaf], self.config
        if parameter is None or leaf == "bias" or isinstance(module, nn.LayerNorm):
            super().init_parameter(module, leaf)
            return
        name = next(name for name, owner in self.named_modules() if owner is module).rpartition(".")[2]
        deviation = config.initializer_range
        if name in {"output", "down", "dense", "decoder"}:
            deviation /= math.sqrt(2.0 * config.num_hidden_layers)
        elif name in {"classifier", "qa_outputs"}:
            deviation = config.hidden_size**-0.5
        cut = deviation * (3 if config.initializer_cutoff_factor is None else config.initializer_cutoff_factor)
        nn.init.trunc_normal_(parameter, std=deviation, a=-cut, b=cut)


class ModernBertModel(ModernBertPreTrainedModel):
    """The body: ids in, hidden states out."""

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(Block(config, layer) for layer in range(config.num_hidden_layers))
        self.final_norm = _norm(config)
        size, positions = config.hidden_size // config.num_attention_heads, config.max_position_embeddings
        scaling, theta = getattr(config, "rope_scaling", None), config.global_rope_theta
        near = theta if config.local_rope_theta is None else config.local_rope_theta
        self.rotary = Rotary(size, theta=theta, scaling=scaling, max_positions=positions)
        self.local_rotary = Rotary(size, theta=near, scaling=scaling, max_positions=positions)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        keeps_padding: bool = False,
    ) -> Any:
        """Hidden states of a padded batch; padding is left out inside.

        Args:
            input_ids: ``(batch, length)``.
            attention_mask: ``(batch, length)``, 0 for padding.
            position_ids: ``(batch, length)`` or ``(1, length)``; by default 0, 1, 2, ...
            inputs_embeds: ``(batch, length, hidden_size)`` in place of ``input_ids``.
            output_attentions: Also return attention weights.
            output_hidden_states: Also return the states before each block and after the last, before its norm.
            return_dict: False for a plain tuple.
            keeps_padding: Compute padding too, for a loss that reads every position.
        """
        config = self.config
        check_inputs(
            input_ids, inputs_embeds, attention_mask, vocab_size=config.vocab_size,
            max_positions=config.max_position_embeddings, position_ids=position_ids,
        )  # fmt: skip
        if inputs_embeds is None:
            inputs_embeds = self.embeddings.word_embeddings(input_ids)
        shape = inputs_embeds.shape[:2]
        packing = Packing.from_mask(attention_mask, *shape, keeps_padding=keeps_padding)
        hidden = self.embeddings(packing.pack(inputs_embeds))
        positions = (
            packing.position_ids(hidden.device) if position_ids is None else packing.pack(position_ids.expand(shape))
        )
        angles = {
            False: self.rotary(positions, hidden.dtype), True: self.local_rotary(positions, hidden.dtype)
        }  # fmt: skip
        wants_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        wants_weights = config.output_attentions if output_attentions is None else output_attentions
        walked = walk(
            self.layers, hidden, packing, wants_states=wants_states, wants_weights=wants_weights, angles=angles
        )
        result = outputs.BaseModelOutput(self.final_norm(walked.last), walked.states, walked.weights)
        return self.as_returned(result, return_dict)


class PredictionHead(nn.Module):
    """One more layer, and a norm."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.dense = Linear(config.hidden_size, config.hidden_size, bias=config.classifier_bias)
        self.activation = config.classifier_activation
        self.norm = _norm(config)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(..., hidden_size)`` to the same."""
        states: Tensor = self.norm(self.dense(hidden, activation=self.activation))
        return states


class _Head(encoder_heads.EncoderHead, ModernBertPreTrainedModel):
    """The body without segments, and the layer that all heads share."""

    def __init__(self, config: PretrainedConfig, body: PreTrainedModel) -> None:
        super().__init__(config, body)
        self.head = PredictionHead(config)

    def run_body(self, input_ids: Tensor | None, attention_mask: Tensor | None,
                 token_type_ids: Tensor | None,  # noqa: ARG002
                 **inputs: Any) -> Any:  # fmt: skip
        """The body's output for all tokens: which one stands for the text depends on the padding."""
        inputs.pop("is_first_only", None)
        return super().run_body(input_ids, attention_mask, None, **inputs)

    def text_state(self, body: Any, attention_mask: Tensor | None) -> Tensor:
        """``(batch, hidden_size)`` of the first token that isn't padding, or the mean of all that aren't."""
        states: Tensor = body.last_hidden_state
        real = states.new_ones(states.shape[:2]) if attention_mask is None else attention_mask
        if self.config.classifier_pooling == "mean":
            state = (states * real.unsqueeze(-1)).sum(dim=1) / real.sum(dim=1, keepdim=True)
        else:
            state = states[torch.arange(len(states), device=states.device), real.argmax(dim=-1)]
        return self.head(state)  # type: ignore[no-any-return]

    def token_states(self, body: Any) -> Tensor:
        """``(batch, length, hidden_size)``, each through one more layer."""
        return self.head(body.last_hidden_state)  # type: ignore[no-any-return]


class ModernBertForMaskedLM(_Head):
    """A word for each masked position."""

    tied_weights: ClassVar[dict[str, str]] = {"decoder.weight": "model.embeddings.word_embeddings.weight"}

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__(config, ModernBertModel(config))
        self.decoder = Linear(config.hidden_size, config.vocab_size, bias=config.decoder_bias)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        """The layer that gives logits over the vocabulary."""
        return self.decoder

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, vocab_size)``; with ``sparse_prediction`` and labels, only of those that count."""
        body = self.run_body(input_ids, attention_mask, None, **inputs)
        states, is_sparse = body.last_hidden_state, self.config.sparse_prediction and labels is not None
        if is_sparse and labels is not None:
            counts = labels != self.config.sparse_pred_ignore_index
            states, labels = states[counts].unsqueeze(0), labels[counts].unsqueeze(0)
        logits = self.decoder(self.head(states))
        loss = token_loss(logits, labels)
        result = outputs.MaskedLMOutput(loss, logits.squeeze(0) if is_sparse else logits, *encoder_heads.looked(body))
        return self.as_returned(result, return_dict)


class ModernBertForSequenceClassification(encoder_heads.SequenceClassification, _Head):
    """A class, several yes/no answers, or a number for each text."""

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__(config, ModernBertModel(config), dropout=config.classifier_dropout)


class ModernBertForTokenClassification(encoder_heads.TokenClassification, _Head):
    """A class for each token, such as the kind of a name."""

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__(config, ModernBertModel(config), dropout=config.classifier_dropout)


class ModernBertForQuestionAnswering(encoder_heads.QuestionAnswering, _Head):
    """Where in a text the answer to a question starts and ends."""

    renames: ClassVar[Renames] = Renames(*ModernBertPreTrainedModel.renames.pairs, ("qa_outputs", "classifier"))

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__(config, ModernBertModel(config))


class ModernBertForMultipleChoice(encoder_heads.MultipleChoice, _Head):
    """The best of several continuations of a text."""

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__(config, ModernBertModel(config), dropout=config.classifier_dropout)
