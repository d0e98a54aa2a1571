// Columns of a batch as NumPy arrays, padded arrays, or lists.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <memory>

#include "binding.h"
#include "dure/encoding.h"

namespace nb = nanobind;

namespace dure::python {
namespace {

template <typename T>
using Flat = nb::ndarray<nb::numpy, const T, nb::ndim<1>>;

const std::vector<std::int32_t>& column(const Encodings& rows, const std::string& name) {
  if (name == "ids") return rows.ids;
  if (name == "type_ids" && rows.has(kTypeIds)) return rows.type_ids;
  if (name == "special_tokens_mask" && rows.has(kSpecialMask)) return rows.special_tokens_mask;
  if (name == "word_ids" && rows.has(kWordIds)) return rows.word_ids;
  if (name == "sequence_ids" && rows.has(kSequenceIds)) return rows.sequence_ids;
  throw nb::value_error(("column '" + name + "' is unknown or was not asked for").c_str());
}

nb::object padded(const Encodings& rows, const std::string& name, std::int64_t length, std::int64_t fill, bool left) {
  const bool is_mask = name == "attention_mask";
  const std::vector<std::int32_t>& values = column(rows, is_mask ? "ids" : name);
  const std::size_t num_rows = rows.num_rows();
  for (std::size_t row = 0; row < num_rows; ++row) {
    if (rows.row_starts[row + 1] - rows.row_starts[row] > length) {
      throw nb::value_error("a row is longer than the length to pad to");
    }
  }
  constexpr std::size_t kMaxNumbers = std::size_t{1} << 40;
  if (num_rows > 0 && static_cast<std::size_t>(length) > kMaxNumbers / num_rows) {
    throw nb::value_error(("padding " + std::to_string(num_rows) + " rows to " + std::to_string(length) +
                           " tokens takes more memory than there is").c_str());
  }
  auto out = std::make_unique_for_overwrite<std::int64_t[]>(num_rows * static_cast<std::size_t>(length));
  for (std::size_t row = 0; row < num_rows; ++row) {
    const std::int64_t begin = rows.row_starts[row];
    const std::int64_t count = rows.row_starts[row + 1] - begin;
    std::int64_t* to = out.get() + static_cast<std::int64_t>(row) * length;
    std::int64_t* text = to + (left ? length - count : 0);
    std::fill(to, text, is_mask ? 0 : fill);
    std::fill(text + count, to + length, is_mask ? 0 : fill);
    if (is_mask) {
      std::fill_n(text, count, 1);
    } else {
      std::copy_n(values.data() + begin, count, text);
    }
  }
  std::int64_t* data = out.release();
  const nb::capsule owner(data, [](void* memory) noexcept { delete[] static_cast<std::int64_t*>(memory); });
  return nb::cast(nb::ndarray<nb::numpy, std::int64_t, nb::ndim<2>>(data, {num_rows, static_cast<std::size_t>(length)}, owner));
}

nb::list lists(const Encodings& rows, const std::string& name) {
  const bool is_mask = name == "attention_mask";
  const std::vector<std::int32_t>& values = column(rows, is_mask ? "ids" : name);
  const auto num_rows = static_cast<Py_ssize_t>(rows.num_rows());
  const nb::list out = nb::steal<nb::list>(PyList_New(num_rows));
  for (Py_ssize_t row = 0; row < num_rows; ++row) {
    const std::int64_t begin = rows.row_starts[static_cast<std::size_t>(row)];
    const std::int64_t count = rows.row_starts[static_cast<std::size_t>(row) + 1] - begin;
    PyObject* list = PyList_New(count);
    for (std::int64_t i = 0; i < count; ++i) {
      PyList_SET_ITEM(list, i, PyLong_FromLong(is_mask ? 1 : values[static_cast<std::size_t>(begin + i)]));
    }
    PyList_SET_ITEM(out.ptr(), row, list);
  }
  return out;
}

}  // namespace

void bind_encodings(nb::module_& m) {
  nb::class_<Encodings> rows(m, "Encodings");
  rows.def_prop_ro("num_rows", &Encodings::num_rows);
  const auto flat = [&rows](const char* name, auto member) {
    rows.def_prop_ro(
        name,
        [member](const Encodings& self) {
          using T = typename std::remove_cvref_t<decltype(self.*member)>::value_type;
          return Flat<T>((self.*member).data(), {(self.*member).size()});
        },
        nb::rv_policy::reference_internal);
  };
  flat("row_starts", &Encodings::row_starts);
  flat("ids", &Encodings::ids);
  flat("type_ids", &Encodings::type_ids);
  flat("special_tokens_mask", &Encodings::special_tokens_mask);
  flat("word_ids", &Encodings::word_ids);
  flat("sequence_ids", &Encodings::sequence_ids);
  flat("sample_ids", &Encodings::sample_ids);
  rows.def_prop_ro(
      "offsets",
      [](const Encodings& self) {
        const auto* data = reinterpret_cast<const std::int32_t*>(self.offsets.data());
        return nb::ndarray<nb::numpy, const std::int32_t, nb::ndim<2>>(data, {self.offsets.size(), 2});
      },
      nb::rv_policy::reference_internal);
  rows.def("surfaces", [](const Encodings& self) {
    nb::list out;
    for (const auto& [index, text] : self.surfaces) out.append(nb::make_tuple(index, to_str(text)));
    return out;
  });
  rows.def("padded", &padded);
  rows.def("lists", &lists);
}

}  // namespace dure::python
