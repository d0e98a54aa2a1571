"""The vocabulary's tensors: tables and logits' layers, exchanged or given more or fewer rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from dure.errors import InputError

if TYPE_CHECKING:
    from dure.models.pretrained import PreTrainedModel

__all__ = ["HasVocabulary"]

#: Variance of a new row around the mean of all rows, relative to theirs (Hewitt 2021, "Initializing New Word Embeddings
#: for Pretrained Language Models"): enough to tell two new words apart.
_SPREAD = 1e-9
#: How many rows the spread is estimated from.
_SAMPLE = 4096


class HasVocabulary(nn.Module):
    """A model that reads words from a table, and may give logits over them."""

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of word embeddings."""
        table = cast("PreTrainedModel", self).base_model.embeddings.word_embeddings  # type: ignore[union-attr]
        assert isinstance(table, nn.Embedding)
        return table

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Put another table in place of that of word embeddings, everywhere where it stands; then tie what is tied."""
        _exchange(self, self.get_input_embeddings(), value)
        cast("PreTrainedModel", self).tie_weights()

    def get_output_embeddings(self) -> nn.Module | None:
        """The layer that gives logits over the vocabulary, if there is one."""
        return None

    def set_output_embeddings(self, value: nn.Module) -> None:
        """Put another layer in place of that which gives logits over the vocabulary.

        Raises:
            InputError: The model has none.
        """
        layer = self.get_output_embeddings()
        if layer is None:
            raise InputError(f"{type(self).__name__} has no layer that gives logits over the vocabulary")
        _exchange(self, layer, value)

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None, mean_resizing: bool = True
    ) -> nn.Embedding:
        """Give the vocabulary another size: the table, the layer that gives logits and its bias, and the configuration.

        Args:
            new_num_tokens: How many words there will be; the size of now by default. New ones come last, and the last
                go first.
            pad_to_multiple_of: Round the number up to a multiple of this.
            mean_resizing: Draw new rows around the mean of those that are there, so that a new word is about as likely
                as any; otherwise as for a model without pretraining. Biases of new words are the mean, or zero.

        Returns:
            The table.

        Raises:
            InputError: A size isn't a positive integer, the padding's id would be outside, or the model has several
                vocabularies.
        """
        model, table = cast("PreTrainedModel", self), self.get_input_embeddings()
        old = len(table.weight)
        size = _size(model, old, new_num_tokens, pad_to_multiple_of)
        if size == old:
            return table
        layer = self.get_output_embeddings()
        is_tied = layer is not None and layer.weight is table.weight
        # Two languages with a vocabulary each: the logits are of the other one.
        is_shared = bool(model.config.__dict__.get("share_encoder_decoder_embeddings", True))
        tables: list[Any] = [table, layer] if layer is not None and is_shared and not is_tied else [table]
        grown = {id(module.weight): _resized(model, module, size, draws_mean=mean_resizing) for module in tables}
        for module in self.modules():
            weight = grown.get(id(module._parameters.get("weight")))
            if weight is not None:
                _put(module, weight, draws_mean=mean_resizing and not is_tied)
            _pad_bias_of_logits(module, old, size)
        if is_shared and model.config.__dict__.get("decoder_vocab_size") == old:
            model.config.decoder_vocab_size = size
        model.config.vocab_size = size
        model.tie_weights()
        return self.get_input_embeddings()


def _exchange(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Put a module wherever another one, or another with its weight, stands."""
    for path, module in list(model.named_modules(remove_duplicate=False)):
        if module is old or (isinstance(module, nn.Embedding) and module.weight is old.weight):
            owner, _, leaf = path.rpartition(".")
            setattr(model.get_submodule(owner), leaf, new)


def _size(model: PreTrainedModel, old: int, size: int | None, multiple: int | None) -> int:
    """The size asked for, checked."""
    if not hasattr(model.config, "vocab_size"):
        raise InputError(f"{type(model).__name__} has several vocabularies: resize model.encoder or model.decoder")
    for name, value in (("new_num_tokens", size), ("pad_to_multiple_of", multiple)):
        if value is not None and not (isinstance(value, int) and value > 0):
            raise InputError(f"{name} is {value!r}; expected a positive integer")
    size = old if size is None else size
    size = size if multiple is None else -(-size // multiple) * multiple
    pad = model.config.pad_token_id
    if pad is not None and pad >= size:
        raise InputError(
            f"the padding's id {pad} would be outside a vocabulary of {size}: set config.pad_token_id first"
        )
    return size


def _resized(model: PreTrainedModel, module: Any, size: int, *, draws_mean: bool) -> nn.Parameter:
    """The module's rows, cut or with new ones, as a new parameter ``(size, width)``."""
    old: Tensor = module.weight
    kept = min(len(old), size)
    new = nn.Parameter(old.new_empty(size, old.shape[1]), requires_grad=old.requires_grad)
    if not draws_mean:
        module._parameters["weight"] = new
        model.init_parameter(module, "weight")  # the family's own scheme, which asks where a weight stands
        module._parameters["weight"] = old
    with torch.no_grad():
        if draws_mean:
            new[kept:] = _around_mean(old.detach(), size - kept)
        new[:kept] = old[:kept]
    return new


def _around_mean(rows: Tensor, count: int) -> Tensor:
    """``(count, width)``, drawn from a normal distribution with the rows' mean and a small part of their covariance.

    A sum of centred rows with normal weights has their covariance: no matrix has to be factorised.
    """
    rows = rows.float()
    mean = rows.mean(dim=0)
    chosen = rows[torch.randperm(len(rows), device=rows.device)[:_SAMPLE]] - mean
    weights = torch.randn(count, len(chosen), device=rows.device) * (_SPREAD / len(chosen)) ** 0.5
    drawn: Tensor = mean + weights @ chosen
    return drawn


def _put(module: Any, weight: nn.Parameter, *, draws_mean: bool) -> None:
    """Give a table or a layer its new weight, and the layer a bias to match."""
    old, size = len(module.weight), len(weight)
    module._parameters["weight"] = weight
    if isinstance(module, nn.Embedding):
        module.num_embeddings = size
        return
    module.out_features = size
    bias = module._parameters.get("bias")
    if bias is not None and len(bias) == old:
        added = bias.new_zeros(max(size - old, 0))
        if draws_mean and size > old:
            added += bias.detach().mean()
        longer = torch.cat([bias.detach()[:size], added])
        module._parameters["bias"] = nn.Parameter(longer, requires_grad=bias.requires_grad)


def _pad_bias_of_logits(module: nn.Module, old: int, size: int) -> None:
    """BART's kin adds a bias ``(1, vocab_size)`` that isn't trained."""
    bias = module._buffers.get("final_logits_bias")
    if bias is not None and bias.shape[-1] == old:
        module._buffers["final_logits_bias"] = torch.cat([bias[:, :size], bias.new_zeros(1, max(size - old, 0))], dim=1)
