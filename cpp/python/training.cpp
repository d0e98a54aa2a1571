// Training from Python: batches of strings in, the section "model" of a tokenizer.json out. Counting and training run
// with the interpreter lock released; progress takes it back for a moment.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>

#include <optional>

#include "binding.h"
#include "dure/trainer.h"

namespace nb = nanobind;

namespace dure::python {
namespace {

std::string_view view(const nb::bytes& bytes) { return {static_cast<const char*>(bytes.data()), bytes.size()}; }

Json parse_or_null(const std::optional<nb::bytes>& bytes) { return bytes ? parse_json(view(*bytes)) : Json{}; }

nb::bytes train_from_batches(const nb::bytes& trainer, const nb::iterable& batches,
                             const std::optional<nb::bytes>& normalizer, const std::optional<nb::bytes>& pre_tokenizer,
                             std::size_t budget_bytes, unsigned num_threads, const nb::object& progress) {
  const Json settings = parse_json(view(trainer));
  const Json normalizer_json = parse_or_null(normalizer);
  const Json pre_tokenizer_json = parse_or_null(pre_tokenizer);
  Feeder feeder(normalizer_from_json(&normalizer_json), pre_tokenizer_from_json(&pre_tokenizer_json), budget_bytes,
                num_threads);
  for (nb::handle batch : batches) {
    // Texts are read while other threads run: a batch of our own can't change meanwhile.
    const nb::object own = PyUnicode_Check(batch.ptr()) ? nb::borrow(batch) : nb::object(nb::tuple(batch));
    const std::vector<std::string_view> texts = views(own, "text");
    const nb::gil_scoped_release release;
    feeder.feed(texts);
  }
  const TrainProgress report = [&progress](std::string_view stage, std::uint64_t done, std::uint64_t total) {
    const nb::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    return progress.is_none() || nb::cast<bool>(progress(nb::str(stage.data(), stage.size()), done, total));
  };
  std::string model;
  {
    const nb::gil_scoped_release release;
    model = train(settings, feeder.finish(), report, num_threads);
  }
  return nb::bytes(model.data(), model.size());
}

}  // namespace

void bind_training(nb::module_& m) {
  m.def("train", &train_from_batches, nb::arg("trainer"), nb::arg("batches"), nb::kw_only(),
        nb::arg("normalizer").none(), nb::arg("pre_tokenizer").none(), nb::arg("budget_bytes"), nb::arg("num_threads"),
        nb::arg("progress").none());
}

}  // namespace dure::python
