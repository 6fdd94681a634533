# `cmake --install`: the tool, the shared library with its public headers, pkg-config and CMake package files.
include(CMakePackageConfigHelpers)

add_library(offramp SHARED $<TARGET_OBJECTS:offramp_core>)
if(TARGET offramp_kernels)
  target_sources(offramp PRIVATE $<TARGET_OBJECTS:offramp_kernels>)
endif()
target_link_libraries(offramp PRIVATE offramp_dependencies)
target_include_directories(offramp INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(offramp PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})

install(TARGETS offramp EXPORT offramp-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS offramp_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES sim/offramp.h sim/offramp_policy.h sim/offramp_option.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/offramp)
install(DIRECTORY workloads/scenarios workloads/sweeps workloads/data DESTINATION ${CMAKE_INSTALL_DATADIR}/offramp)
install(FILES analysis/python/offramp_reader.py analysis/python/example.py
  DESTINATION ${CMAKE_INSTALL_DATADIR}/offramp/python)
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md")
set(OFR_PAGES ${PROJECT_BINARY_DIR}/pages)
install(DIRECTORY ${OFR_PAGES}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(DIRECTORY ${OFR_PAGES}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 FILES_MATCHING PATTERN "*.5")
install(FILES ${OFR_PAGES}/offramp.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME offramp)
install(FILES ${OFR_PAGES}/offramp.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(EXPORT offramp-targets NAMESPACE offramp:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/offramp)

configure_package_config_file(cmake/offramp-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/offramp-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/offramp)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/offramp-config-version.cmake
  COMPATIBILITY SameMinorVersion)
# Relative, so that the installed tree may be moved.
file(RELATIVE_PATH OFR_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/offramp.pc.in ${CMAKE_CURRENT_BINARY_DIR}/offramp.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/offramp-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/offramp-config-version.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/offramp)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/offramp.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
