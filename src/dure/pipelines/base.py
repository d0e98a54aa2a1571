"""Pipeline: preprocess, forward, postprocess, and what is between a list of texts and batches that waste nothing."""

from __future__ import annotations

import contextlib
import difflib
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from dure import progress
from dure.errors import InputError
from dure.pipelines.rows import Row, batches, encode
from dure.threads import limited
from dure.typing import PathLike

if TYPE_CHECKING:
    from dure.pipelines.explain import Explanation
    from dure.pipelines.figures import Figure

__all__ = ["Options", "Pipeline", "to_numbers"]

#: Tokens of one batch, times the width of a token: 4,096 of MiniLM's, 2,048 of BERT-base's. Measured on two cores:
#: smaller batches pay for calls and thin products (10 % at an eighth), larger ones leave the caches.
VALUES_PER_BATCH = 4096 * 384
#: Tokens of one batch on an accelerator, which needs many to be busy.
TOKENS_PER_BATCH_ELSEWHERE = 16384
#: Inputs that are read ahead and computed together, so that they can be sorted by length.
WINDOW = 1024
#: From so many inputs on, a bar shows how far they are.
LONG_LIST = 64


class Options(NamedTuple):
    """The arguments of a call, by the stage they belong to."""

    preprocess: dict[str, Any]
    forward: dict[str, Any]
    postprocess: dict[str, Any]


def _nothing() -> None:
    """No progress is shown."""


class Pipeline:
    """A model, its tokenizer, and what a task makes of them.

    A task says how it reads an input (:meth:`read`) and writes the three stages: :meth:`preprocess` turns inputs into
    rows of ids, :meth:`forward` a batch of rows into numbers, :meth:`postprocess` the numbers of one input into its
    answer. All else is here: forms of input, order, batches, progress, threads.

    Args:
        model: The model; it is put in evaluation mode.
        tokenizer: Its tokenizer.
        task: The task's name, where one class serves several.
        device: Where to compute, such as ``"cpu"``, ``"cuda:0"``, or a number (-1 is the CPU).
        batch_size: The most rows in one batch; by default a number of tokens decides.
        num_threads: How many threads compute; by default those of the process.
        **defaults: Defaults for the arguments of a call.
    """

    task: str = ""
    #: Arguments of a call, by the stage they belong to; one may belong to several.
    preprocess_arguments: ClassVar[frozenset[str]] = frozenset(
        {"truncation", "max_length", "padding", "add_special_tokens"}
    )
    forward_arguments: ClassVar[frozenset[str]] = frozenset()
    postprocess_arguments: ClassVar[frozenset[str]] = frozenset()
    #: What arguments were called once.
    old_names: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        task: str | None = None,
        device: int | str | torch.device | None = None,
        batch_size: int | None = None,
        num_threads: int | None = None,
        **defaults: Any,
    ) -> None:
        self.task = task or type(self).task
        self.device = _to_device(device)
        self.model = model.eval().to(self.device)
        self.tokenizer = tokenizer
        self.batch_size = _checked("batch_size", batch_size)
        self.num_threads = _checked("num_threads", num_threads)
        self.defaults = self._renamed(defaults)
        self.choose(self.defaults)  # unknown arguments fail here, not at the first text

    # --- the three stages ---------------------------------------------------------------------------------------

    def read(self, value: Any, index: int) -> Any:
        """An input as the task sees it: here a pair of a text and its partner, which may be None.

        Args:
            value: What was given: a text, or ``{"text": ..., "text_pair": ...}``.
            index: Its number among all inputs, for messages.

        Raises:
            InputError: It is neither.
        """
        if isinstance(value, str):
            return value, None
        if isinstance(value, Mapping) and "text" in value:
            return as_text(value["text"], index), value.get("text_pair")
        raise wrong_input(value, index, "a string or {'text': ..., 'text_pair': ...}")

    def preprocess(self, inputs: Sequence[Any], *, start: int = 0, **options: Any) -> list[Row]:
        """Inputs to rows of token ids, in one call of the tokenizer.

        Args:
            inputs: Texts, or what else the task takes.
            start: The number of the first one among all inputs of a call, for messages.
            **options: Arguments of the call that belong here.
        """
        examples = [self.read(value, start + i) for i, value in enumerate(inputs)]
        options.pop("padding", None)  # rows are padded by batch, and no answer depends on it
        rows: list[Row] = []
        # Pairs and single texts are encoded apart: an empty partner would bring its own special tokens.
        for is_pair in (False, True):
            places = [i for i, example in enumerate(examples) if (example[1] is not None) == is_pair]
            if places:
                firsts, seconds = zip(*(examples[i] for i in places), strict=True)
                numbers = [start + place for place in places]
                found = encode(self, firsts, seconds if is_pair else None, numbers=numbers, **options)
                for row, place in zip(found, places, strict=True):
                    row.owner, row.example = place, examples[place]
                rows += found
        return rows

    def forward(self, rows: Sequence[Row], *args: Any, **options: Any) -> list[Any]:
        """A batch of rows to one array of numbers for each, without padding; here the logits."""
        del args
        return list(to_numbers(self.run_model(rows, **options).logits))

    def postprocess(self, rows: list[Row], outputs: list[Any], *args: Any, **options: Any) -> Any:
        """The rows of one input and what the model made of them, to an answer."""
        raise NotImplementedError

    # --- calls --------------------------------------------------------------------------------------------------

    def __call__(
        self, inputs: Any, *, batch_size: int | None = None, num_workers: int | None = None, **options: Any
    ) -> Any:
        """Answers for one input, a list, a generator, or a column of a data set.

        A list is sorted by length and batched by a budget of tokens inside, and comes back in its order. For a
        generator, a generator comes back, which reads a window ahead.

        Args:
            inputs: A text, or what else the task takes; or many of them.
            batch_size: The most rows in one batch.
            num_workers: Without effect: nothing here needs other processes.
            **options: Arguments of the task and of the tokenizer (``truncation``, ``max_length``).

        Raises:
            InputError: An input or an argument is wrong; the message says which and what is allowed.
        """
        del num_workers
        chosen = self.options_of(options)
        limit = _checked("batch_size", batch_size) or self.batch_size
        if self.is_single(inputs, chosen):
            return self.single(self._window([inputs], 0, limit, chosen)[0], inputs, options)
        if isinstance(inputs, (list, tuple)):
            return self._many(inputs, limit, chosen)
        if hasattr(inputs, "__getitem__") and hasattr(inputs, "__len__"):
            return self._many(list(inputs), limit, chosen)
        return self._stream(iter(inputs), limit, chosen)

    def is_single(self, inputs: Any, options: Options) -> bool:
        """Whether this is one input, not many."""
        del options
        return isinstance(inputs, (str, bytes, Mapping)) or not isinstance(inputs, Iterable)

    def single(self, answer: Any, inputs: Any, options: Mapping[str, Any]) -> Any:
        """The form of an answer to a single input, where it differs from that in a list.

        Args:
            answer: The answer.
            inputs: What was asked about.
            options: Arguments of this call alone.
        """
        del inputs, options
        return answer

    def choose(self, options: Mapping[str, Any]) -> Options:
        """Arguments by stage.

        Raises:
            InputError: One is unknown.
        """
        stages = (self.preprocess_arguments, self.forward_arguments, self.postprocess_arguments)
        known = frozenset().union(*stages)
        unknown = sorted(set(options) - known)
        if unknown:
            near = difflib.get_close_matches(unknown[0], known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(f"{self.task}: unknown argument {unknown[0]!r}; {hint}known: {', '.join(sorted(known))}")
        return Options(*({k: v for k, v in options.items() if k in names} for names in stages))

    def options_of(self, call: Mapping[str, Any]) -> Options:
        """The arguments of a call, with the pipeline's defaults, by stage."""
        return self.choose({**self.defaults, **self._renamed(call)})

    def explain(self, inputs: Any, *, attention: bool = False, **options: Any) -> Explanation:
        """What happens inside for one input: tokens, shapes through the model, logits, probabilities, answer.

        ``print(pipe.explain(text))`` shows tables; in a notebook it is a page with colours.

        Args:
            inputs: One input.
            attention: Show attention weights too.
            **options: Arguments of a call.
        """
        from dure.pipelines.explain import explain

        return explain(self, inputs, attention=attention, **options)

    def predict(self, inputs: Any) -> Any:
        """The same as calling, for scikit-learn's habits."""
        return self(inputs)

    transform = predict

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the model."""
        precision: torch.dtype = self.model.dtype
        return precision

    def save_pretrained(self, save_directory: PathLike) -> None:
        """Write the model and the tokenizer into a folder, from which :func:`pipeline` makes them again."""
        self.model.save_pretrained(save_directory)
        self.tokenizer.save_pretrained(save_directory)

    def figures(self, rows: list[Row], outputs: list[Any]) -> list[Figure]:
        """What :meth:`explain` shows of the way from the model's numbers for one input to its answer."""
        del rows, outputs
        return []

    def attentions(self, row: Row) -> list[Any]:
        """For each layer the weights ``(num_heads, to, from)`` with which a row's tokens look at each other."""
        output = self.run_model([row], output_attentions=True)
        layers = output.get("attentions") or output.get("encoder_attentions") or ()
        return [to_numbers(weights[0]) for weights in layers]

    # --- between the stages -------------------------------------------------------------------------------------

    def run_model(self, rows: Sequence[Row], model: Any = None, **more: Any) -> Any:
        """The output of the model, or of a part of it, for a batch of rows, padded."""
        return (model or self.model)(**self.tensors(rows), return_dict=True, **more)

    def tensors(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        """A batch of rows as the model's arguments, ``(batch, length)``, padded where they aren't equally long."""
        is_padded = len({len(row) for row in rows}) > 1
        batch = self.tokenizer.pad([row.inputs for row in rows], padding=is_padded, return_tensors="pt", verbose=False)
        return {name: tensor.to(self.device) for name, tensor in batch.items()}

    def unpadded(self, values: Tensor, rows: Sequence[Row]) -> list[Any]:
        """``(batch, length, ...)`` as float32 arrays, each as long as its row."""
        is_left = self.tokenizer.padding_side == "left"
        arrays = zip(to_numbers(values), rows, strict=True)
        return [array[len(array) - len(row) :] if is_left else array[: len(row)] for array, row in arrays]

    def kind_of(self, row: Row) -> Hashable:
        """What the rows of one batch must have in common: their length, where there is no token to pad with."""
        return len(row) if self.tokenizer.pad_token_id is None else None

    def compute(self, rows: Sequence[Row], limit: int | None, options: dict[str, Any]) -> Iterator[tuple[int, Any]]:
        """The number of a row and the model's numbers for it, as they come."""
        width = getattr(self.model.config, "hidden_size", None) or 768
        budget = VALUES_PER_BATCH // width if self.device.type == "cpu" else TOKENS_PER_BATCH_ELSEWHERE
        places: dict[Any, list[int]] = defaultdict(list)
        for i, row in enumerate(rows):
            places[tuple(map(tuple, row.inputs.values()))].append(i)
        # Equal rows are computed once: it's faster, and they get the same numbers to the last bit.
        same = list(places.values())
        firsts = [rows[group[0]] for group in same]
        kinds = [self.kind_of(row) for row in firsts]
        for batch in batches([len(row) for row in firsts], None if limit else budget, limit, kinds):
            with torch.inference_mode():
                outputs = self.forward([firsts[i] for i in batch], **options)
            for i, output in zip(batch, outputs, strict=True):
                yield from ((place, output) for place in same[i])

    def _stream(self, inputs: Iterator[Any], limit: int | None, chosen: Options) -> Iterator[Any]:
        start = 0
        while window := list(itertools.islice(inputs, WINDOW)):
            yield from self._window(window, start, limit, chosen)
            start += len(window)

    def _many(self, inputs: Sequence[Any], limit: int | None, chosen: Options) -> list[Any]:
        answers: list[Any] = []
        with contextlib.ExitStack() as stack:
            tick: Callable[[], object] = _nothing
            if len(inputs) >= LONG_LIST and progress.is_enabled():
                shown = stack.enter_context(progress.bar(total=len(inputs), description=self.task, unit="text"))
                tick = shown.update
            for start in range(0, len(inputs), WINDOW):
                answers += self._window(inputs[start : start + WINDOW], start, limit, chosen, tick)
        return answers

    def _window(
        self,
        inputs: Sequence[Any],
        start: int,
        limit: int | None,
        chosen: Options,
        tick: Callable[[], object] = _nothing,
    ) -> list[Any]:
        """Answers for so many inputs that they can be computed together."""
        answers: list[Any] = [None] * len(inputs)
        with _threads(self.num_threads):
            rows = self.preprocess(inputs, start=start, **chosen.preprocess)
            waiting = Counter(row.owner for row in rows)
            found: dict[int, dict[int, Any]] = defaultdict(dict)
            for index, output in self.compute(rows, limit, chosen.forward):
                owner = rows[index].owner
                found[owner][index] = output
                if len(found[owner]) == waiting[owner]:
                    outputs = sorted(found.pop(owner).items())
                    own = [rows[i] for i, _ in outputs]
                    answers[owner] = self.postprocess(own, [output for _, output in outputs], **chosen.postprocess)
                    tick()
        return answers

    def _renamed(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return {self.old_names.get(name, name): value for name, value in options.items()}


def as_text(value: Any, index: int, name: str = "text") -> str:
    """A value that must be a string.

    Raises:
        InputError: It isn't.
    """
    if not isinstance(value, str):
        raise wrong_input(value, index, "a string", name)
    return value


def wrong_input(value: Any, index: int, allowed: str, name: str = "text") -> InputError:
    """The error for an input of a wrong kind."""
    hint = "; fill or drop missing values first" if value is None or value != value else ""
    return InputError(f"{name} {index} must be {allowed}, not {type(value).__name__}{hint}")


def to_numbers(tensor: Tensor) -> Any:
    """A tensor as float32 NumPy array, whatever precision it was computed in."""
    return tensor.float().cpu().numpy()


def _checked(name: str, count: int | None) -> int | None:
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise InputError(f"{name} must be a whole number from 1 on, not {count!r}")
    return count


@contextlib.contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Compute with so many threads, then with as many as before."""
    if count is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with limited(count):
            yield
    finally:
        torch.set_num_threads(before)


def _to_device(device: int | str | torch.device | None) -> torch.device:
    if device is None or device == -1:
        return torch.device("cpu")
    try:
        return torch.device("cuda", device) if isinstance(device, int) else torch.device(device)
    except RuntimeError as error:
        raise InputError(f"device {device!r} is not one; use 'cpu', 'cuda', 'cuda:1' or a number") from error
