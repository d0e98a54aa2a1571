// The smallest test harness that does: TEST(name) { CHECK(condition); } and a list that main() runs.
#pragma once

#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace dure::test {

struct Case {
  std::string name;
  std::function<void()> run;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Registration {
  Registration(std::string name, std::function<void()> run) { cases().push_back({std::move(name), std::move(run)}); }
};

inline void report(const char* file, int line, const std::string& what) {
  ++failures();
  std::cerr << file << ':' << line << ": " << what << '\n';
}

// The message of the std::invalid_argument that `run` throws; empty when it throws nothing.
inline std::string refusal(const std::function<void()>& run) {
  try {
    run();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

}  // namespace dure::test

#define TEST(name)                                                         \
  static void name();                                                      \
  static const dure::test::Registration registration_##name(#name, &name); \
  static void name()

#define CHECK(condition) \
  if (!(condition)) dure::test::report(__FILE__, __LINE__, #condition)
