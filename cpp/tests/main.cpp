// Runs all tests of the core, or those whose name contains the argument.
#include <exception>
#include <iostream>
#include <string>

#include "check.h"

int main(int argc, char** argv) {
  const std::string wanted = argc > 1 ? argv[1] : "";
  int count = 0;
  for (const dure::test::Case& test : dure::test::cases()) {
    if (test.name.find(wanted) == std::string::npos) continue;
    ++count;
    try {
      test.run();
    } catch (const std::exception& error) {
      dure::test::report(test.name.c_str(), 0, std::string("threw: ") + error.what());
    }
  }
  std::cout << count << " tests, " << dure::test::failures() << " failures\n";
  return dure::test::failures() == 0 ? 0 : 1;
}
