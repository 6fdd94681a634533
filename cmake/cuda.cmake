# OFFRAMP_CUDA=AUTO builds for CUDA where a toolkit with a working compiler is found and leaves it out elsewhere, ON fails
# without one, OFF does not look. AUTO does not look in builds with sanitizers either: every start of the program takes 0.2 s
# of CPU time more there, and on a machine with a GPU the driver and AddressSanitizer want the same addresses
# (ASAN_OPTIONS=protect_shadow_gap=0). Sets OFFRAMP_HAVE_CUDA and, where that is true, the language CUDA and the targets of
# CUDAToolkit.
include(CheckLanguage)
set(OFFRAMP_CUDA AUTO CACHE STRING "CUDA: AUTO (where a toolkit is found), ON (fail without one), OFF")
set_property(CACHE OFFRAMP_CUDA PROPERTY STRINGS AUTO ON OFF)
set(OFFRAMP_HAVE_CUDA OFF)
if(OFFRAMP_CUDA AND NOT (OFFRAMP_SANITIZE AND OFFRAMP_CUDA STREQUAL "AUTO"))
  find_package(CUDAToolkit QUIET)
  if(CUDAToolkit_NVCC_EXECUTABLE AND NOT DEFINED ENV{CUDACXX})
    set(ENV{CUDACXX} ${CUDAToolkit_NVCC_EXECUTABLE}) # usually not on the PATH
  endif()
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 90) # H100 and H200, and PTX for what comes after
  endif()
  if(CUDAToolkit_FOUND)
    check_language(CUDA)
  endif()
  if(CUDAToolkit_FOUND AND CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    set(OFFRAMP_HAVE_CUDA ON)
  elseif(NOT OFFRAMP_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "OFFRAMP_CUDA is ${OFFRAMP_CUDA}, but no CUDA toolkit with a working compiler was found")
  endif()
endif()
message(STATUS "CUDA: ${OFFRAMP_HAVE_CUDA} (OFFRAMP_CUDA=${OFFRAMP_CUDA})")
