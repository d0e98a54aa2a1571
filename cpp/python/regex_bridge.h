// Lets the core match patterns that it has no scanner for, with the Python package `regex`.
#pragma once

namespace dure {

// Called once, when the module is imported. The package itself is imported when the first such pattern occurs.
void install_regex_bridge();

}  // namespace dure
