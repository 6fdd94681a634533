# The commit the sources are at, in a header of its own: `cmake -DOUT=FILE -DSOURCE=DIR -P cmake/revision.cmake`. Run by
# every build; the file changes only when the commit did, so nothing else is built again.
set(revision "")
if(EXISTS ${SOURCE}/.git)
  execute_process(COMMAND git describe --always --dirty WORKING_DIRECTORY ${SOURCE}
    OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT revision)
  set(revision "unknown")
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "/* Made by cmake/revision.cmake. */\n#define OFR_REVISION \"${revision}\"\n")
