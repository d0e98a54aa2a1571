// The module dure.layers._kernels. What is called many times a step takes memory by its address, as torch's data_ptr()
// says it: an array of a protocol takes some microseconds, a product of one sentence a hundred. Callers check sizes.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>

#include <array>
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

// Three times text, head and token: queries, keys, values.
using Strides = std::array<std::int64_t, 9>;

std::array<Tokens, 3> tokens_at(const std::array<std::int64_t, 3>& addresses, const Strides& strides) {
  std::array<Tokens, 3> tokens{};
  for (std::size_t i = 0; i < 3; ++i) {
    tokens[i] = {at<void>(addresses[i]), strides[3 * i], strides[3 * i + 1], strides[3 * i + 2]};
  }
  return tokens;
}

Attention attention_of(const std::array<std::int64_t, 6>& addresses, const Strides& strides,
                       const std::array<std::int64_t, 4>& sizes, float scale, bool is_half, bool is_causal,
                       std::uint32_t threshold, std::uint64_t seed) {
  constexpr float kDraws = 65536.0F;
  const auto [query, key, value] = tokens_at({addresses[0], addresses[1], addresses[2]}, strides);
  const Dropout dropout{threshold, kDraws / (kDraws - static_cast<float>(threshold)), seed};
  return {query,    key,      value,    at<void>(addresses[3]), at<float>(addresses[4]), at<const Span>(addresses[5]),
          sizes[0], sizes[1], sizes[2], sizes[3],               scale,                   is_half,
          is_causal, dropout};
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
  // By its address: arrays of a protocol know no bfloat16.
  module.def("draw_half_mask", [](std::int64_t mask, std::int64_t count, std::uint32_t threshold, std::uint64_t seed) {
    const nb::gil_scoped_release released;
    draw_half_mask(at<std::uint16_t>(mask), count, threshold, seed);
  });
  module.def("keep_freed_memory", &keep_freed_memory, nb::arg("kept"), nb::arg("largest"));
  module.def("most_rows", &most_rows);
  module.def("few_rows", &few_rows);
  module.def("most_rows_along_inputs", &most_rows_along_inputs);
  module.def("very_few_rows", &very_few_rows);
  module.def("head_size_unit", &head_size_unit);
  module.def("attention", [](const std::array<std::int64_t, 6>& addresses, const Strides& strides,
                             const std::array<std::int64_t, 4>& sizes, float scale, bool is_half, bool is_causal,
                             std::uint32_t threshold, std::uint64_t seed) {
    const nb::gil_scoped_release released;
    attend(attention_of(addresses, strides, sizes, scale, is_half, is_causal, threshold, seed));
  });
  module.def("attention_backward", [](const std::array<std::int64_t, 6>& addresses, const Strides& strides,
                                      const std::array<std::int64_t, 4>& sizes, float scale, bool is_half,
                                      bool is_causal, std::uint32_t threshold, std::uint64_t seed,
                                      const std::array<std::int64_t, 3>& gradients, const Strides& gradient_strides) {
    const nb::gil_scoped_release released;
    const auto [of_query, of_key, of_value] = tokens_at(gradients, gradient_strides);
    attend_backward(attention_of(addresses, strides, sizes, scale, is_half, is_causal, threshold, seed), of_query,
                    of_key, of_value);
  });
  module.def("attention_seed", [](std::uint64_t seed, std::int64_t text, std::int64_t head, std::int64_t num_heads) {
    return seed_of({0, 1.0F, seed}, text, head, num_heads);
  });
  module.def("adamw", &take_step_at, nb::arg("table"), nb::arg("learning_rate"), nb::arg("beta1"), nb::arg("beta2"),
             nb::arg("epsilon"), nb::arg("weight_decay"), nb::arg("gradient_scale"), nb::arg("step"));
}

}  // namespace dure::kernels
