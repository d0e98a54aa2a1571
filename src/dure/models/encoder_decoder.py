"""An encoder and a decoder of any two families: Rothe et al., "Leveraging Pre-trained Checkpoints" (2019).

https://arxiv.org/abs/1907.12461. The decoder must be one that can look at an encoder's states.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.linear import Linear
from dure.models.auto import AutoConfig, AutoModel, AutoModelForCausalLM
from dure.models.config import PretrainedConfig
from dure.models.generative import Generative
from dure.models.heads import token_loss
from dure.models.outputs import BaseModelOutput
from dure.models.pretrained import PreTrainedModel
from dure.models.seq2seq import Seq2SeqPreTrainedModel
from dure.models.seq2seq_outputs import Seq2SeqLMOutput
from dure.models.weights import Renames
from dure.typing import JsonObject, PathLike

__all__ = ["EncoderDecoderConfig", "EncoderDecoderModel"]


class EncoderDecoderConfig(PretrainedConfig):
    """Two configurations.

    Args:
        encoder: Fields of the encoder's, with its ``model_type``.
        decoder: Fields of the decoder's.
        **fields: What belongs to both, such as ``decoder_start_token_id`` and ``pad_token_id``.
    """

    model_type: ClassVar[str] = "encoder-decoder"
    only: ClassVar[JsonObject] = {"tie_encoder_decoder": False}

    def __init__(self, encoder: JsonObject | None = None, decoder: JsonObject | None = None, **fields: Any) -> None:
        super().__init__(**{"is_encoder_decoder": True, "decoder_start_token_id": None, **fields})
        self.encoder, self.decoder = (
            None if side is None else AutoConfig.for_model(**side) for side in (encoder, decoder)
        )

    @classmethod
    def from_encoder_decoder_configs(
        cls, encoder_config: PretrainedConfig, decoder_config: PretrainedConfig, **fields: Any
    ) -> Self:
        """From two configurations; the decoder's is told that it has an encoder to look at."""
        decoder_config.is_decoder = decoder_config.add_cross_attention = True
        return cls(encoder_config.to_dict(), decoder_config.to_dict(), **fields)

    def to_dict(self) -> JsonObject:
        """The fields as config.json holds them, those of both sides nested."""
        fields = super().to_dict()
        sides = {name: fields.pop(name) for name in ("encoder", "decoder")}
        return fields | {name: side.to_dict() for name, side in sides.items() if side is not None}


class _Renames(Renames):
    """Each side's names, behind ``encoder.`` and ``decoder.``."""

    def __init__(self, sides: dict[str, PreTrainedModel]) -> None:
        super().__init__()
        self.sides = sides

    def to_original(self, name: str) -> str:
        """The checkpoint's name of one of our parameters."""
        side, _, rest = name.partition(".")
        return f"{side}.{self.sides[side].renames.to_original(rest)}" if side in self.sides else name

    def from_original(self, name: str) -> str:
        """Our name of a parameter in a checkpoint."""
        side, _, rest = name.partition(".")
        return f"{side}.{self.sides[side].renames.from_original(rest)}" if side in self.sides else name


class EncoderDecoderModel(Seq2SeqPreTrainedModel, Generative):
    """Text to text, from two models.

    Args:
        config: The configuration; by default made of those of both sides.
        encoder: A body; by default one with random weights.
        decoder: A model that gives logits over the vocabulary and takes ``encoder_hidden_states``; by default one with
            random weights.

    Raises:
        ConfigError: There is neither a configuration of both sides nor both models.
    """

    config_class: ClassVar[type[PretrainedConfig]] = EncoderDecoderConfig
    base_model_prefix: ClassVar[str] = "encoder_decoder"

    def __init__(
        self,
        config: EncoderDecoderConfig | None = None,
        encoder: PreTrainedModel | None = None,
        decoder: PreTrainedModel | None = None,
    ) -> None:
        if config is None and encoder is not None and decoder is not None:
            config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder.config, decoder.config)
        if config is None or config.encoder is None or config.decoder is None:
            raise ConfigError(
                "an EncoderDecoderModel needs a configuration of both sides, or both an encoder and a decoder"
            )
        super().__init__(config)
        self.encoder = AutoModel.from_config(config.encoder) if encoder is None else encoder
        self.decoder = AutoModelForCausalLM.from_config(config.decoder) if decoder is None else decoder
        self.encoder.config, self.decoder.config = config.encoder, config.decoder
        sizes = [side.config.hidden_size for side in (self.encoder, self.decoder)]
        has_own_size = getattr(config.decoder, "cross_attention_hidden_size", None) is not None
        self.enc_to_dec_proj = Linear(*sizes) if sizes[0] != sizes[1] and not has_own_size else None
        self._sides = {"encoder": self.encoder, "decoder": self.decoder}
        self.tie_weights()

    @property
    def renames(self) -> Renames:  # type: ignore[override]
        """The names of weights: each side's own."""
        return _Renames(self._sides)

    @property
    def aliases(self) -> dict[str, str]:  # type: ignore[override]
        """Second names of weights."""
        return self._of_sides("aliases")

    @property
    def active_ties(self) -> dict[str, str]:
        """Which weights are one."""
        return self._of_sides("active_ties")

    @property
    def ignored_weights(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names in checkpoints that aren't read."""
        return self.encoder.ignored_weights + self.decoder.ignored_weights

    def turned(self, original: str, tensor: Tensor) -> Tensor:
        """A weight from the checkpoint's layout to that of its side, or back."""
        side, _, rest = original.partition(".")
        return self._sides[side].turned(rest, tensor) if side in self._sides else tensor

    def _of_sides(self, name: str) -> dict[str, str]:
        pairs = [(side, getattr(model, name)) for side, model in self._sides.items()]
        return {f"{side}.{a}": f"{side}.{b}" for side, table in pairs for a, b in table.items()}

    def init_parameter(self, module: nn.Module, leaf: str) -> None:
        """Each side's scheme; the layer between them has torch's."""
        for model in self._sides.values():
            if any(module is own for own in model.modules()):
                model.init_parameter(module, leaf)
                return
        assert isinstance(module, nn.Linear)
        module.reset_parameters()

    @property
    def max_positions(self) -> int | None:
        """Tokens of the longest text that is written, where a table of positions limits it."""
        limit: int | None = self.decoder.max_positions if isinstance(self.decoder, Generative) else None
        return limit

    def get_encoder(self) -> nn.Module:
        """The model that reads."""
        return self.encoder

    def get_decoder(self) -> nn.Module:
        """The model that writes."""
        return self.decoder

    def get_input_embeddings(self) -> nn.Embedding:
        """The encoder's table of words."""
        return self.encoder.get_input_embeddings()

    def get_output_embeddings(self) -> nn.Module | None:
        """The layer that gives logits over the vocabulary."""
        layer: nn.Module | None = getattr(self.decoder, "get_output_embeddings")()  # noqa: B009
        return layer

    @classmethod
    def from_encoder_decoder_pretrained(
        cls,
        encoder_pretrained_model_name_or_path: PathLike,
        decoder_pretrained_model_name_or_path: PathLike,
        **options: Any,
    ) -> Self:
        """From two checkpoints; the decoder's attention to the encoder is drawn anew where its checkpoint has none.

        Args:
            encoder_pretrained_model_name_or_path: A folder or a repository.
            decoder_pretrained_model_name_or_path: A folder or a repository.
            **options: With ``encoder_`` or ``decoder_`` before their names, arguments of that side's
                ``from_pretrained``; others are fields of the configuration.
        """
        given: dict[str, dict[str, Any]] = {"encoder": {}, "decoder": {}, "": {}}
        for name, value in options.items():
            side = next((side for side in ("encoder", "decoder") if name.startswith(f"{side}_")), "")
            is_field = name == "decoder_start_token_id"
            given["" if is_field else side][name if is_field else name.removeprefix(f"{side}_")] = value
        encoder = AutoModel.from_pretrained(encoder_pretrained_model_name_or_path, **given["encoder"])
        config = given["decoder"].pop("config", None)
        if config is None:
            config = AutoConfig.from_pretrained(decoder_pretrained_model_name_or_path)
        config.is_decoder = config.add_cross_attention = True
        decoder = AutoModelForCausalLM.from_pretrained(
            decoder_pretrained_model_name_or_path, config=config, **given["decoder"]
        )
        both = EncoderDecoderConfig.from_encoder_decoder_configs(encoder.config, decoder.config, **given[""])
        return cls(both, encoder, decoder).eval()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: Any = None,
        labels: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        past_key_values: Any = None,
        use_cache: bool | None = None,
        **inputs: Any,
    ) -> Any:
        """Logits ``(batch, length, vocab_size)``; ``labels`` of -100 are left out of the loss.

        Args:
            input_ids: ``(batch, source_length)``, what is read.
            attention_mask: ``(batch, source_length)``, 0 for padding.
            decoder_input_ids: ``(batch, length)``, what is written so far; by default the labels, shifted.
            decoder_attention_mask: ``(batch, past + length)``, 0 for padding.
            encoder_outputs: What the encoder returned before, in place of ``input_ids``.
            labels: ``(batch, length)``.
            decoder_inputs_embeds: ``(batch, length, hidden_size)`` in place of ``decoder_input_ids``.
            output_attentions: Also return attention weights.
            output_hidden_states: Also return the states after each block.
            return_dict: False for a plain tuple.
            past_key_values: The cache of an earlier call.
            use_cache: Return keys and values for the next call.
            **inputs: What else the encoder takes, such as ``inputs_embeds``.
        """
        shown = {"output_attentions": output_attentions, "output_hidden_states": output_hidden_states}
        if encoder_outputs is None:
            encoder_outputs = self.encoder(
                input_ids=input_ids, attention_mask=attention_mask, return_dict=True, **shown, **inputs
            )
        elif isinstance(encoder_outputs, tuple):
            encoder_outputs = BaseModelOutput(*encoder_outputs)
        states = encoder_outputs.last_hidden_state
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
            if decoder_attention_mask is None:
                decoder_attention_mask = (decoder_input_ids != self.config.pad_token_id).long()
        decoded = self.decoder(
            input_ids=decoder_input_ids, attention_mask=decoder_attention_mask, inputs_embeds=decoder_inputs_embeds,
            encoder_hidden_states=states if self.enc_to_dec_proj is None else self.enc_to_dec_proj(states),
            encoder_attention_mask=attention_mask, past_key_values=past_key_values, use_cache=use_cache,
            return_dict=True, **shown,
        )  # fmt: skip
        result = Seq2SeqLMOutput(
            token_loss(decoded.logits, labels), decoded.logits, decoded.past_key_values, decoded.hidden_states,
            decoded.attentions, decoded.cross_attentions, states, encoder_outputs.hidden_states,
            encoder_outputs.attentions,
        )  # fmt: skip
        return self.as_returned(result, return_dict)
