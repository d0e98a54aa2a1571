// The tokenizer and its parts.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <set>
#include <tuple>

#include "binding.h"
#include "dure/serialize.h"

namespace nb = nanobind;

namespace dure::python {
namespace {

using TokenTuple = std::tuple<nb::object, bool, bool, bool, bool, bool>;
using IdArray = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// Texts, or lists of words, as the core takes them; `words` keeps what the inputs point to.
std::vector<Input> inputs(const nb::handle& texts, bool is_split, const char* name,
                          std::vector<std::vector<std::string_view>>& words) {
  std::vector<Input> out;
  if (!is_split) {
    for (const std::string_view text : views(texts, name)) out.push_back({text, nullptr});
    return out;
  }
  for (const nb::handle text : texts) words.push_back(views(text, name));
  for (const auto& list : words) out.push_back({{}, &list});
  return out;
}

// A number of tokens. No text has more than the largest one here, so all that are larger mean the same.
std::uint32_t to_count(const nb::handle& number, const char* name) {
  int overflow = 0;
  const long long value = PyLong_Check(number.ptr()) != 0 ? PyLong_AsLongLongAndOverflow(number.ptr(), &overflow) : -1;
  if (overflow > 0 || value > INT32_MAX) return INT32_MAX;
  if (value >= 0) return static_cast<std::uint32_t>(value);
  const std::string given = nb::cast<std::string>(nb::repr(number));
  throw nb::value_error((std::string(name) + " must be a number of at least 0, but is " + given).c_str());
}

TruncationStrategy to_strategy(const std::string& name) {
  if (name == "longest_first") return TruncationStrategy::kLongestFirst;
  if (name == "only_first") return TruncationStrategy::kOnlyFirst;
  if (name == "only_second") return TruncationStrategy::kOnlySecond;
  throw nb::value_error(("strategy '" + name + "' is not one of longest_first, only_first, only_second").c_str());
}

Encodings encode(const Tokenizer& self, const nb::object& texts, const nb::object& pairs, bool is_split,
                 bool add_special_tokens, const nb::object& max_length, const nb::object& stride,
                 const nb::object& strategy, bool truncate_left, bool overflow, std::uint32_t columns, unsigned num_threads, bool uses_memory) {
  std::vector<std::vector<std::string_view>> words[2];
  const std::vector<Input> first = inputs(texts, is_split, "text", words[0]);
  const bool has_pairs = !pairs.is_none();
  const std::vector<Input> second = has_pairs ? inputs(pairs, is_split, "second text", words[1]) : std::vector<Input>{};
  if (has_pairs && first.size() != second.size()) throw nb::value_error("there must be as many second texts as first ones");
  EncodeOptions options;
  options.add_special_tokens = add_special_tokens;
  options.overflow = overflow;
  options.truncation = {to_count(max_length, "max_length"), to_count(stride, "stride"),
                        to_strategy(std::string(view(strategy, "strategy"))), truncate_left};
  options.columns = columns;
  options.uses_memory = uses_memory;
  const nb::gil_scoped_release release;
  return self.encode(first, second, options, num_threads == 0 ? 1 : num_threads);
}

// Any integer that Python has; what no token can have becomes -1.
std::int64_t to_id(nb::handle item) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(item.ptr(), &overflow);
  if (value == -1 && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    const nb::object number = nb::steal(PyNumber_Index(item.ptr()));
    if (!number.is_valid()) throw nb::python_error();
    return to_id(number);
  }
  return overflow != 0 ? -1 : value;
}

void append_ids(nb::handle row, std::vector<std::int64_t>& ids) {
  for (const nb::handle item : row) ids.push_back(to_id(item));
}

nb::str decode(const Tokenizer& self, const nb::object& row, bool skip_special_tokens) {
  std::vector<std::int64_t> ids;
  append_ids(row, ids);
  return to_str(self.decode(ids.data(), ids.size(), skip_special_tokens));
}

nb::list decode_batch(const Tokenizer& self, const nb::object& rows, bool skip_special_tokens, unsigned num_threads) {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> row_starts{0};
  for (const nb::handle row : rows) {
    append_ids(row, ids);
    row_starts.push_back(static_cast<std::int64_t>(ids.size()));
  }
  std::vector<std::string> texts;
  {
    const nb::gil_scoped_release release;
    texts = self.decode_batch(ids, row_starts, skip_special_tokens, num_threads == 0 ? 1 : num_threads);
  }
  nb::list out;
  for (const std::string& text : texts) out.append(to_str(text));
  return out;
}

// Rows that are lists of numbers from 0 on; anything else is an error, which the caller explains.
nb::list decode_rows(const Tokenizer& self, const nb::list& rows, bool skip_special_tokens, bool cleans_up,
                     unsigned num_threads) {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> row_starts{0};
  const Py_ssize_t num_rows = PyList_GET_SIZE(rows.ptr());
  for (Py_ssize_t row = 0; row < num_rows; ++row) {
    PyObject* list = PyList_GET_ITEM(rows.ptr(), row);
    if (PyList_Check(list) == 0) throw nb::type_error("a row is not a list");
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
      PyObject* item = PyList_GET_ITEM(list, i);
      int overflow = 0;
      const bool is_plain = PyLong_CheckExact(item) != 0;
      const std::int64_t id = is_plain ? PyLong_AsLongLongAndOverflow(item, &overflow) : to_id(item);
      if (id < 0 && overflow == 0) throw nb::value_error("an id is negative");
      ids.push_back(id);
    }
    row_starts.push_back(static_cast<std::int64_t>(ids.size()));
  }
  std::vector<std::string> texts;
  {
    const nb::gil_scoped_release release;
    texts = self.decode_batch(ids, row_starts, skip_special_tokens, num_threads == 0 ? 1 : num_threads);
    if (cleans_up) {
      for (std::string& text : texts) clean_up_text(text);
    }
  }
  const nb::list out = nb::steal<nb::list>(PyList_New(num_rows));
  for (Py_ssize_t row = 0; row < num_rows; ++row) {
    PyList_SET_ITEM(out.ptr(), row, to_str(texts[static_cast<std::size_t>(row)]).release().ptr());
  }
  return out;
}

nb::list ids_to_tokens(const Tokenizer& self, const IdArray& ids) {
  nb::list out;
  for (std::size_t i = 0; i < ids.shape(0); ++i) {
    const std::string_view token = self.id_to_token(ids.data()[i]);
    out.append(token.data() == nullptr ? nb::object(nb::none()) : nb::object(to_str(token)));
  }
  return out;
}

Tokenizer with_added_tokens(const Tokenizer& self, const std::vector<TokenTuple>& tokens) {
  std::vector<AddedToken> added;
  for (const auto& [content, special, single_word, lstrip, rstrip, normalized] : tokens) {
    AddedToken& token = added.emplace_back();
    token.content = view(content, "the content of an added token");
    token.is_special = special;
    token.single_word = single_word;
    token.lstrip = lstrip;
    token.rstrip = rstrip;
    token.normalized = normalized;
  }
  return self.with_added_tokens(added);
}

nb::dict vocab(const Tokenizer& self, bool with_added) {
  nb::dict out;
  for (const auto& [token, id] : self.parts().model->vocabulary().sorted()) out[to_str(token)] = id;
  if (!with_added) return out;
  for (const AddedToken& token : self.parts().added_tokens) out[to_str(token.content)] = token.id;
  return out;
}

// The sequence ids that a row knows the places of.
nb::list row_sequences(const Tokenizer& self, bool is_pair, bool add_special_tokens) {
  std::set<std::int32_t> known;
  for (const auto& item : self.parts().post_processor.rows(is_pair, add_special_tokens).items) {
    for (const auto& [sequence, places] : item.labels) known.insert(sequence);
  }
  nb::list out;
  for (const std::int32_t sequence : known) out.append(sequence);
  return out;
}

nb::list added_tokens(const Tokenizer& self) {
  nb::list out;
  for (const AddedToken& t : self.parts().added_tokens) {
    out.append(nb::make_tuple(t.id, to_str(t.content), t.is_special, t.single_word, t.lstrip, t.rstrip, t.normalized));
  }
  return out;
}

nb::list words_of(const std::vector<std::pair<std::string, Span>>& words) {
  nb::list out;
  for (const auto& [word, span] : words) {
    out.append(nb::make_tuple(to_str(word), nb::make_tuple(span.begin_chars, span.end_chars)));
  }
  return out;
}

nb::list model_tokenize(const Tokenizer& self, const nb::object& text_of_word) {
  const std::string_view word = view(text_of_word, "the word");
  const Model& model = *self.parts().model;
  const std::unique_ptr<ModelScratch> scratch = model.make_scratch();
  std::vector<Piece> pieces;
  model.tokenize(word, *scratch, pieces);
  AlignedText text;
  text.assign(word, 0, true);
  nb::list out;
  for (const Piece& piece : pieces) {
    const std::uint32_t end_bytes = std::min(piece.end_bytes, text.size_bytes());
    const Span span = text.origin({std::min(piece.begin_bytes, end_bytes), end_bytes});
    const bool is_surface = piece.id == model.surface_id();
    const std::string_view token =
        is_surface ? word.substr(piece.begin_bytes, piece.end_bytes - piece.begin_bytes)
                   : self.id_to_token(piece.id);
    out.append(nb::make_tuple(piece.id, to_str(token), nb::make_tuple(span.begin_chars, span.end_chars)));
  }
  return out;
}

Json parse(const nb::bytes& json) { return parse_json({json.c_str(), json.size()}); }

}  // namespace

void bind_engine(nb::module_& m) {
  nb::class_<Tokenizer>(m, "Engine")
      .def_static("from_json", [](const nb::bytes& data) { return tokenizer_from_json({data.c_str(), data.size()}); })
      .def("to_json", [](const Tokenizer& self) { return to_str(tokenizer_to_json(self)); })
      .def("with_added_tokens", &with_added_tokens)
      .def("encode", &encode, nb::arg("texts"), nb::arg("pairs") = nb::none(), nb::kw_only(), nb::arg("is_split") = false,
           nb::arg("add_special_tokens") = true, nb::arg("max_length").none() = 0, nb::arg("stride").none() = 0,
           nb::arg("strategy") = "longest_first", nb::arg("truncate_left") = false, nb::arg("overflow") = false,
           nb::arg("columns") = static_cast<std::uint32_t>(kAllColumns), nb::arg("num_threads") = 1,
           nb::arg("uses_memory") = true)
      .def("decode", &decode, nb::arg(), nb::arg("skip_special_tokens") = false)
      .def("decode_batch", &decode_batch, nb::arg(), nb::arg("skip_special_tokens") = false, nb::arg("num_threads") = 1)
      .def("decode_rows", &decode_rows, nb::arg(), nb::arg("skip_special_tokens") = false, nb::arg("cleans_up") = false,
           nb::arg("num_threads") = 1)
      .def("token_to_id",
           [](const Tokenizer& self, const nb::object& token) -> std::optional<std::int64_t> {
             const std::int64_t id = self.token_to_id(view(token, "the token"));
             return id < 0 ? std::nullopt : std::optional(id);
           })
      .def("id_to_token",
           [](const Tokenizer& self, const nb::object& id) -> nb::object {
             const std::string_view token = self.id_to_token(to_id(id));
             return token.data() == nullptr ? nb::object(nb::none()) : nb::object(to_str(token));
           })
      .def("ids_to_tokens", &ids_to_tokens)
      .def("vocab", &vocab, nb::arg("with_added_tokens") = true)
      .def("num_special_tokens",
           [](const Tokenizer& self, bool is_pair) { return self.parts().post_processor.num_special_tokens(is_pair); })
      .def("row_sequences", &row_sequences)
      .def("added_tokens", &added_tokens)
      .def("normalize", [](const Tokenizer& self, const nb::object& text) { return to_str(self.normalize(view(text, "the text"))); })
      .def("pre_tokenize",
           [](const Tokenizer& self, const nb::object& text) { return words_of(self.pre_tokenize(view(text, "the text"))); })
      .def("model_tokenize", &model_tokenize);
}

void bind_components(nb::module_& m) {
  m.def("normalize", [](const nb::bytes& json, const nb::object& text) {
    const Json component = parse(json);
    AlignedText aligned;
    AlignedText scratch;
    aligned.assign(view(text, "the text"), 0, false);
    if (const auto normalizer = normalizer_from_json(&component)) normalizer->apply(aligned, scratch, {});
    return to_str(aligned.bytes);
  });
  m.def("pre_tokenize", [](const nb::bytes& json, const nb::object& text) {
    const Json component = parse(json);
    Words words;
    Words scratch;
    words.text.assign(view(text, "the text"), 0, true);
    if (words.text.size_bytes() > 0) words.ranges.push_back({0, words.text.size_bytes()});
    if (const auto step = pre_tokenizer_from_json(&component)) step->apply(words, scratch, {});
    std::vector<std::pair<std::string, Span>> out;
    for (const Range& range : words.ranges) out.emplace_back(words.text.view(range), words.text.origin(range));
    return words_of(out);
  });
  m.def("decode_tokens", [](const std::optional<nb::bytes>& json, const nb::object& list) {
    const std::vector<std::string_view> given = views(list, "token");
    std::vector<std::string> tokens(given.begin(), given.end());
    std::string out;
    if (json) {
      const Json component = parse(*json);
      if (const auto decoder = decoder_from_json(&component)) decoder->apply(tokens);
      for (const std::string& token : tokens) out += token;
    } else {
      for (const std::string& token : tokens) out += (&token == tokens.data() ? "" : " ") + token;
    }
    return to_str(out);
  }, nb::arg().none(), nb::arg());
}

}  // namespace dure::python
