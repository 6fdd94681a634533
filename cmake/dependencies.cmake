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

# Figures for papers (`offramp report --figures`) are drawn with cairo; everything else does without.
set(OFFRAMP_CAIRO AUTO CACHE STRING "cairo: AUTO (where it is found), ON (fail without it), OFF")
set_property(CACHE OFFRAMP_CAIRO PROPERTY STRINGS AUTO ON OFF)
set(OFFRAMP_HAVE_CAIRO OFF)
if(OFFRAMP_CAIRO)
  pkg_check_modules(OFFRAMP_CAIRO_LIBRARY IMPORTED_TARGET cairo cairo-svg cairo-png)
  if(OFFRAMP_CAIRO_LIBRARY_FOUND)
    set(OFFRAMP_HAVE_CAIRO ON)
    target_link_libraries(offramp_dependencies INTERFACE PkgConfig::OFFRAMP_CAIRO_LIBRARY)
    target_compile_definitions(offramp_dependencies INTERFACE OFR_HAVE_CAIRO)
  elseif(NOT OFFRAMP_CAIRO STREQUAL "AUTO")
    message(FATAL_ERROR "OFFRAMP_CAIRO is ${OFFRAMP_CAIRO}, but cairo (libcairo2-dev) was not found")
  endif()
endif()
message(STATUS "cairo: ${OFFRAMP_HAVE_CAIRO} (OFFRAMP_CAIRO=${OFFRAMP_CAIRO})")
