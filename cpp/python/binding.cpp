// The module dure.tokenizers._core.
#include "binding.h"

#include <string>

namespace nb = nanobind;

namespace dure::python {
namespace {

// Null: not a string, or one that is no text.
const char* utf8_of(PyObject* item, Py_ssize_t* size) {
  return PyUnicode_Check(item) != 0 ? PyUnicode_AsUTF8AndSize(item, size) : nullptr;
}

[[noreturn]] void refuse_text(PyObject* item, const std::string& name) {
  PyErr_Clear();
  const bool is_text = PyUnicode_Check(item) != 0;
  throw nb::value_error((name + (is_text ? " holds a lone surrogate, which is not text" : " is not a string")).c_str());
}

}  // namespace

std::vector<std::string_view> views(const nb::handle& texts, const char* name) {
  if (PyUnicode_Check(texts.ptr())) throw nb::value_error((std::string(name) + " must be a list of strings, not a string").c_str());
  const nb::object fast = nb::steal(PySequence_Fast(texts.ptr(), "texts must be a list of strings"));
  if (!fast.is_valid()) throw nb::python_error();
  const auto count = static_cast<std::size_t>(PySequence_Fast_GET_SIZE(fast.ptr()));
  PyObject** items = PySequence_Fast_ITEMS(fast.ptr());
  std::vector<std::string_view> out;
  out.reserve(count);
  for (std::size_t index = 0; index < count; ++index) {
    Py_ssize_t size = 0;
    const char* data = utf8_of(items[index], &size);
    if (data == nullptr) refuse_text(items[index], std::string(name) + " " + std::to_string(index));
    out.emplace_back(data, static_cast<std::size_t>(size));
  }
  return out;
}

std::string_view view(const nb::handle& text, const char* name) {
  Py_ssize_t size = 0;
  const char* data = utf8_of(text.ptr(), &size);
  if (data == nullptr) refuse_text(text.ptr(), name);
  return {data, static_cast<std::size_t>(size)};
}

nb::str to_str(std::string_view text) {
  PyObject* made = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (made == nullptr) throw nb::python_error();
  return nb::steal<nb::str>(made);
}

}  // namespace dure::python

NB_MODULE(_core, m) {
  nb::set_leak_warnings(false);  // tokenizers that live until the interpreter ends are no leak
  dure::python::install_regex();
  dure::python::bind_encodings(m);
  dure::python::bind_engine(m);
  dure::python::bind_components(m);
  dure::python::bind_training(m);
}
