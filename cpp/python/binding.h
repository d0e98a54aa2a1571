// What the files of the binding share. Python objects in, NumPy arrays out, the interpreter lock released in between; no
// logic lives here.
#pragma once

#include <nanobind/nanobind.h>

#include <string_view>
#include <vector>

namespace dure::python {

// A list of Python strings as views of Python's own UTF-8; the list keeps them alive. Throws ValueError that names the
// place (`name` and index) of what isn't a string or holds a lone surrogate.
std::vector<std::string_view> views(const nanobind::handle& texts, const char* name);
// The same for one string.
std::string_view view(const nanobind::handle& text, const char* name);
// A text that Python takes: valid UTF-8, which it is unless a token holds stray bytes; those become U+FFFD.
nanobind::str to_str(std::string_view text);

void bind_encodings(nanobind::module_& m);
void bind_engine(nanobind::module_& m);
void bind_components(nanobind::module_& m);
void bind_training(nanobind::module_& m);  // training.cpp
void install_regex();                      // regex_bridge.cpp

}  // namespace dure::python
