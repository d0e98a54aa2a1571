// The module dure.layers._kernels. What is called many times a step takes memory by its address, as torch's data_ptr()
// says it: an array of a protocol takes some microseconds, a product of one sentence a hundred. Callers check sizes.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <vector>

#include "../adamw.h"
#include "../attention.h"
#include "../dropout_mask.h"
#include "../few_rows.h"
#include "../gelu.h"
#include "../memory.h"
#include "../very_few_rows.h"

namespace nb = nanobind;

namespace dure::kernels {
namespace {

using Values = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Addresses = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <typename Value>
Value* at(std::int64_t address) {
  return reinterpret_cast<Value*>(address);  // NOLINT: torch says where its memory is by a number
}

// A row of the table for each parameter: the fields of Weights, memory by its address.
void take_step_at(const Addresses& table, double learning_rate, double beta1, double beta2, double epsilon,
                  double weight_decay, double gradient_scale, std::int64_t step) {
  constexpr std::size_t kFields = 8;
  if (table.shape(1) != kFields) throw nb::value_error("a parameter has eight fields");
  std::vector<Weights> weights;
  weights.reserve(table.shape(0));
  for (std::size_t i = 0; i < table.shape(0); ++i) {
    const std::int64_t* row = table.data() + kFields * i;
    weights.push_back({at<float>(row[0]), at<const float>(row[1]), at<float>(row[2]), at<float>(row[3]), row[4],
                       at<const std::int64_t>(row[5]), row[6], row[7]});
  }
  const AdamW settings{learning_rate, beta1, beta2, epsilon, weight_decay, gradient_scale, step};
  const nb::gil_scoped_release released;
  take_step(weights, settings);
}

void few_rows(std::int64_t input, std::int64_t weight, std::int64_t bias, std::int64_t residual, std::int64_t result,
              std::int64_t num_rows, std::int64_t num_inputs, std::int64_t num_outputs, bool is_gelu) {
  const nb::gil_scoped_release released;
  multiply_few_rows({at<const float>(input), at<const float>(weight), at<const float>(bias), at<const float>(residual),
                     at<float>(result), num_rows, num_inputs, num_outputs,
                     is_gelu ? Activation::kGelu : Activation::kNone});
}

void very_few_rows(std::int64_t input, std::int64_t weight, std::int64_t bias, std::int64_t result,
                   std::int64_t num_rows, std::int64_t num_inputs, std::int64_t num_outputs, bool is_half) {
  const nb::gil_scoped_release released;
  multiply_very_few_rows({at<const void>(input), at<const void>(weight), at<const void>(bias), at<void>(result),
                          num_rows, num_inputs, num_outputs, is_half});
}

void attention(std::int64_t query, std::int64_t key, std::int64_t value, std::int64_t context, std::int64_t spans,
               const std::vector<std::int64_t>& strides, const std::vector<std::int64_t>& sizes, float scale,
               bool is_half, bool is_causal) {
  constexpr std::size_t kStrides = 9, kSizes = 4;
  if (strides.size() != kStrides || sizes.size() != kSizes) throw nb::value_error("nine strides and four sizes");
  const nb::gil_scoped_release released;
  attend({{at<const void>(query), strides[0], strides[1], strides[2]},
          {at<const void>(key), strides[3], strides[4], strides[5]},
          {at<const void>(value), strides[6], strides[7], strides[8]},
          at<void>(context),
          at<const Span>(spans),
          sizes[0],
          sizes[1],
          sizes[2],
          sizes[3],
          scale,
          is_half,
          is_causal});
}

}  // namespace

NB_MODULE(_kernels, module) {
  module.def(
      "draw_mask",
      [](const Values& mask, std::uint32_t threshold, float scale, std::uint64_t seed) {
        const nb::gil_scoped_release released;
        draw_mask(mask.data(), static_cast<std::int64_t>(mask.size()), threshold, scale, seed);
      },
      nb::arg("mask"), nb::arg("threshold"), nb::arg("scale"), nb::arg("seed"));
  module.def(
      "gelu",
      [](const Values& values, const Values& result) {
        if (result.size() != values.size()) throw nb::value_error("sizes differ");
        const nb::gil_scoped_release released;
        gelu(values.data(), result.data(), static_cast<std::int64_t>(values.size()));
      },
      nb::arg("values"), nb::arg("result"));
  module.def("keep_freed_memory", &keep_freed_memory, nb::arg("kept"), nb::arg("largest"));
  module.def("most_rows", &most_rows);
  module.def("few_rows", &few_rows);
  module.def("most_rows_along_inputs", &most_rows_along_inputs);
  module.def("very_few_rows", &very_few_rows);
  module.def("head_size_unit", &head_size_unit);
  module.def("attention", &attention);
  module.def("adamw", &take_step_at, nb::arg("table"), nb::arg("learning_rate"), nb::arg("beta1"), nb::arg("beta2"),
             nb::arg("epsilon"), nb::arg("weight_decay"), nb::arg("gradient_scale"), nb::arg("step"));
}

}  // namespace dure::kernels
