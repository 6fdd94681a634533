# Libraries the whole project links. Every one comes from the distribution (see Makefile, target `deps`).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
# OpenBLAS before GSL, whose own cblas has the same names and is 20 times slower.
pkg_check_modules(OFFRAMP_DEPS REQUIRED IMPORTED_TARGET openblas gsl msgpack libzstd yaml-0.1 jansson zlib libxxhash)
foreach(library gsl msgpack libzstd)
  execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --modversion ${library} OUTPUT_VARIABLE version
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REPLACE "lib" "" short ${library})
  string(TOUPPER ${short} upper)
  set(OFFRAMP_${upper}_VERSION ${version})
endforeach()

add_library(offramp_dependencies INTERFACE)
target_link_libraries(offramp_dependencies INTERFACE PkgConfig::OFFRAMP_DEPS Threads::Threads m ${CMAKE_DL_LIBS})
