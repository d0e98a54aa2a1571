// The binding: Python objects in, NumPy arrays out, the interpreter lock released in between. No logic lives here.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <tuple>

#include "dure/serialize.h"

namespace nb = nanobind;
using dure::AddedToken;
using dure::Encodings;
using dure::Tokenizer;

namespace {

template <typename T>
using Flat = nb::ndarray<nb::numpy, const T, nb::ndim<1>>;

// The texts as views of Python's own UTF-8; the list keeps them alive.
std::vector<std::string_view> views(const nb::sequence& texts, const char* name) {
  std::vector<std::string_view> out;
  std::size_t index = 0;
  for (nb::handle item : texts) {
    Py_ssize_t size = 0;
    const char* data = PyUnicode_Check(item.ptr()) ? PyUnicode_AsUTF8AndSize(item.ptr(), &size) : nullptr;
    if (data == nullptr) {
      PyErr_Clear();
      const std::string what = PyUnicode_Check(item.ptr()) ? " holds a lone surrogate, which is not text" : " is not a string";
      throw nb::value_error((std::string(name) + " " + std::to_string(index) + what).c_str());
    }
    out.emplace_back(data, static_cast<std::size_t>(size));
    ++index;
  }
  return out;
}

const std::vector<std::int32_t>& column(const Encodings& rows, const std::string& name) {
  if (name == "ids") return rows.ids;
  if (name == "type_ids") return rows.type_ids;
  if (name == "special_tokens_mask") return rows.special_tokens_mask;
  if (name == "word_ids") return rows.word_ids;
  if (name == "sequence_ids") return rows.sequence_ids;
  throw nb::value_error(("unknown column '" + name + "'").c_str());
}

nb::object padded(const Encodings& rows, const std::string& name, std::int64_t length, std::int64_t fill, bool left) {
  const bool is_mask = name == "attention_mask";
  const std::vector<std::int32_t>& values = column(rows, is_mask ? "ids" : name);
  const std::size_t num_rows = rows.num_rows();
  auto* out = new std::vector<std::int64_t>(num_rows * static_cast<std::size_t>(length), is_mask ? 0 : fill);
  nb::capsule owner(out, [](void* data) noexcept { delete static_cast<std::vector<std::int64_t>*>(data); });
  for (std::size_t row = 0; row < num_rows; ++row) {
    const std::int64_t begin = rows.row_starts[row];
    const std::int64_t count = rows.row_starts[row + 1] - begin;
    if (count > length) throw nb::value_error("a row is longer than the length to pad to");
    std::int64_t* to = out->data() + static_cast<std::int64_t>(row) * length + (left ? length - count : 0);
    if (is_mask) {
      std::fill_n(to, count, 1);
    } else {
      std::copy_n(values.data() + begin, count, to);
    }
  }
  return nb::cast(nb::ndarray<nb::numpy, std::int64_t, nb::ndim<2>>(
      out->data(), {num_rows, static_cast<std::size_t>(length)}, owner));
}

nb::list lists(const Encodings& rows, const std::string& name) {
  const bool is_mask = name == "attention_mask";
  const std::vector<std::int32_t>& values = column(rows, is_mask ? "ids" : name);
  nb::list out;
  for (std::size_t row = 0; row < rows.num_rows(); ++row) {
    const std::int64_t begin = rows.row_starts[row];
    const std::int64_t count = rows.row_starts[row + 1] - begin;
    PyObject* list = PyList_New(count);
    for (std::int64_t i = 0; i < count; ++i) PyList_SET_ITEM(list, i, PyLong_FromLong(is_mask ? 1 : values[static_cast<std::size_t>(begin + i)]));
    out.append(nb::steal(list));
  }
  return out;
}

using TokenTuple = std::tuple<std::string, bool, bool, bool, bool, bool>;

Tokenizer with_added_tokens(const Tokenizer& self, const std::vector<TokenTuple>& tokens) {
  std::vector<AddedToken> added;
  for (const auto& [content, special, single_word, lstrip, rstrip, normalized] : tokens) {
    added.push_back({0, content, special, single_word, lstrip, rstrip, normalized});
  }
  return self.with_added_tokens(added);
}

Encodings encode(const Tokenizer& self, const nb::sequence& texts, const std::optional<nb::sequence>& pairs,
                 bool add_special_tokens, std::uint32_t max_length, std::uint32_t stride, const std::string& strategy,
                 bool truncate_left, bool overflow, bool /*with_offsets*/, unsigned num_threads) {
  const std::vector<std::string_view> first = views(texts, "text");
  const std::vector<std::string_view> second = pairs ? views(*pairs, "second text") : std::vector<std::string_view>{};
  if (pairs && first.size() != second.size()) throw nb::value_error("there must be as many second texts as first ones");
  dure::EncodeOptions options;
  options.add_special_tokens = add_special_tokens;
  options.overflow = overflow;
  using dure::TruncationStrategy;
  const auto chosen = strategy == "only_first"    ? TruncationStrategy::kOnlyFirst
                      : strategy == "only_second" ? TruncationStrategy::kOnlySecond
                                                  : TruncationStrategy::kLongestFirst;
  options.truncation = {max_length, stride, chosen, truncate_left};
  nb::gil_scoped_release release;
  return self.encode(first, second, options, num_threads);
}

}  // namespace

NB_MODULE(_core, m) {
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
  rows.def("padded", &padded);
  rows.def("lists", &lists);

  nb::class_<Tokenizer>(m, "Engine")
      .def_static("from_json", [](nb::bytes data) { return dure::tokenizer_from_json({data.c_str(), data.size()}); })
      .def("to_json", &dure::tokenizer_to_json)
      .def("with_added_tokens", &with_added_tokens)
      .def("encode", &encode, nb::arg("texts"), nb::arg("pairs") = nb::none(), nb::kw_only(),
           nb::arg("add_special_tokens") = true, nb::arg("max_length") = 0, nb::arg("stride") = 0,
           nb::arg("strategy") = "longest_first", nb::arg("truncate_left") = false, nb::arg("overflow") = false,
           nb::arg("with_offsets") = true, nb::arg("num_threads") = 1)
      .def("decode", &Tokenizer::decode, nb::arg(), nb::arg("skip_special_tokens") = false)
      .def("decode_batch",
           [](const Tokenizer& self, const std::vector<std::vector<std::int64_t>>& rows_of_ids, bool skip) {
             std::vector<std::string> out;
             for (const auto& ids : rows_of_ids) out.push_back(self.decode(ids, skip));
             return out;
           },
           nb::arg(), nb::arg("skip_special_tokens") = false)
      .def("token_to_id",
           [](const Tokenizer& self, const std::string& token) -> std::optional<std::int64_t> {
             const std::int64_t id = self.token_to_id(token);
             return id < 0 ? std::nullopt : std::optional(id);
           })
      .def("id_to_token",
           [](const Tokenizer& self, std::int64_t id) -> std::optional<std::string> {
             const std::string* token = self.id_to_token(id);
             return token == nullptr ? std::nullopt : std::optional(*token);
           })
      .def("vocab",
           [](const Tokenizer& self, bool with_added) {
             nb::dict out;
             for (const auto& [token, id] : self.parts().model->vocabulary().sorted()) out[token.c_str()] = id;
             if (!with_added) return out;
             for (const AddedToken& token : self.parts().added_tokens) out[token.content.c_str()] = token.id;
             return out;
           },
           nb::arg("with_added_tokens") = true)
      .def("num_special_tokens", [](const Tokenizer& self, bool is_pair) { return self.parts().post_processor.num_special_tokens(is_pair); })
      .def("added_tokens",
           [](const Tokenizer& self) {
             std::vector<std::tuple<std::int32_t, std::string, bool, bool, bool, bool, bool>> out;
             for (const AddedToken& t : self.parts().added_tokens) {
               out.emplace_back(t.id, t.content, t.is_special, t.single_word, t.lstrip, t.rstrip, t.normalized);
             }
             return out;
           })
      .def("normalize", &Tokenizer::normalize)
      .def("pre_tokenize", [](const Tokenizer& self, const std::string& text) {
        std::vector<std::pair<std::string, std::pair<std::uint32_t, std::uint32_t>>> out;
        for (const auto& [word, span] : self.pre_tokenize(text)) out.push_back({word, {span.begin_chars, span.end_chars}});
        return out;
      });
}
