# `make package`: a Debian package of the installation; .ci/package tries it in a clean root. Built without CUDA (preset
# `package`), whose libraries are no Debian packages.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME offramp)
set(CPACK_PACKAGE_CONTACT "The Offramp authors <offramp@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION "Offramp replays request traces against models with early exits: arrivals, queueing,
batching, ramps, exits, and the policies that move ramps and thresholds while requests flow. Simulator, replayer,
reports, file formats with converters, and a C library.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
include(CPack)
