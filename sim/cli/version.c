#include "sim/cli/version.h"

#include "analysis/report/draw.h"
#include "analysis/report/page.h"
#include "replay/device.h"
#include "sim/base/revision.h"
#include "sim/base/version.h"

#include <dnnl.h>
#include <gsl/gsl_version.h>
#include <jansson.h>
#include <msgpack.h>
#include <xxhash.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

#ifdef OFFRAMP_HAVE_CUDA
#define CUDA_FACT "built with CUDA " OFR_BUILD_CUDA
#else
#define CUDA_FACT "built without CUDA"
#endif

#ifdef OFFRAMP_HAVE_MPI
#define MPI_FACT "built with MPI"
#else
#define MPI_FACT "built without MPI"
#endif

static void print_libraries(FILE *out)
{
    const dnnl_version_t *dnnl = dnnl_version();
    unsigned xxhash = XXH_versionNumber(); /* 10000 * major + 100 * minor + patch */
    fprintf(out,
            "libraries  oneDNN %d.%d.%d, GSL %s, msgpack-c %s, zstd %s, libyaml %s, Jansson %s, zlib %s, ",
            dnnl->major, dnnl->minor, dnnl->patch, gsl_version, msgpack_version(), ZSTD_versionString(),
            yaml_get_version_string(), jansson_version_str(), zlibVersion());
    fprintf(out, "xxHash %u.%u.%u\n", xxhash / 10000, xxhash / 100 % 100, xxhash % 100);
}

void ofr_cli_version(FILE *out)
{
    fprintf(out, "offramp %s\n", OFR_VERSION);
    fprintf(out, "revision   %s\n", OFR_REVISION);
    fprintf(out, "build      %s, %s, %s\n", OFR_BUILD_TYPE, OFR_BUILD_COMPILER, OFR_BUILD_FLAGS);
    fputs("devices   ", out);
    for (const struct ofr_device_ops *const *device = ofr_devices; *device; ++device)
        fprintf(out, " %s", (*device)->name);
    fprintf(out, "; %s, %s\n", CUDA_FACT, MPI_FACT);
    fprintf(out, "reports    pages: %s; figures: %s\n",
            ofr_report_has_page() ? "yes" : "no, npm was missing when it was built",
            ofr_report_draws() ? "cairo" : "no, cairo was missing when it was built");
    print_libraries(out);
}
