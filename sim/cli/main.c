#include "sim/cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct ofr_error err = OFR_ERROR_INIT;
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, reported like any other */
    signal(SIGXFSZ, SIG_IGN);
    int rc = ofr_cli_main(argc, argv, stdout, stderr, &err);
    if (!rc && (fflush(stdout) || ferror(stdout)))
        rc = ofr_fail_errno(&err, "cannot write", "standard output");
    if (rc)
        fprintf(stderr, "offramp: %s\n", err.text[0] ? err.text : ofr_strerror(rc));
    return ofr_exit_status(rc);
}
