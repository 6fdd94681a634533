# Libraries the whole project links. Every one comes from the distribution (see Makefile, target `deps`).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(OFFRAMP_DEPS REQUIRED IMPORTED_TARGET gsl msgpack libzstd yaml-0.1 jansson zlib libxxhash)
# Debian's package file of oneDNN asks for OpenCL's headers, which the processor's part does not need.
find_library(OFFRAMP_DNNL dnnl REQUIRED)
find_path(OFFRAMP_DNNL_HEADERS dnnl.h REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)

add_library(offramp_dependencies INTERFACE)
target_link_libraries(offramp_dependencies INTERFACE PkgConfig::OFFRAMP_DEPS ${OFFRAMP_DNNL} OpenMP::OpenMP_C Threads::Threads m ${CMAKE_DL_LIBS})
