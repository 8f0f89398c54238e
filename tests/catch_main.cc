// Catch2 2.x compiles its runner and main() into the one file that defines this.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
