add_library(offramp_warnings INTERFACE)
target_compile_options(offramp_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes
  -Wmissing-prototypes -Wvla -fno-math-errno)
if(OFFRAMP_WERROR)
  target_compile_options(offramp_warnings INTERFACE -Werror)
endif()
# Same bytes from every build type: no contraction of a*b+c, no re-association.
target_compile_options(offramp_warnings INTERFACE -ffp-contract=off)
if(OFFRAMP_SANITIZE)
  target_compile_options(offramp_warnings INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(offramp_warnings INTERFACE -fsanitize=address,undefined)
endif()
