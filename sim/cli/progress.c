#include "sim/cli/progress.h"
#include "sim/base/monotonic.h"

#include <unistd.h>

void ofr_progress_begin(struct ofr_progress *progress, FILE *out, const char *what, const char *unit,
                        uint64_t total)
{
    *progress = (struct ofr_progress){.out = out, .what = what, .unit = unit, .total = total};
    progress->terminal = isatty(fileno(out)) == 1;
    progress->started_s = progress->shown_s = ofr_monotonic_s();
}

void ofr_progress_update(struct ofr_progress *progress, uint64_t done)
{
    if (!progress->terminal)
        return;
    double now = ofr_monotonic_s();
    double elapsed = now - progress->started_s;
    if (elapsed < 1.0 || now - progress->shown_s < 0.2)
        return;
    progress->shown = true;
    progress->shown_s = now;
    double rate = (double)done / elapsed;
    bool millions = !progress->total || progress->total >= 1000000;
    fprintf(progress->out, millions ? "\r\033[K%s: %.1f M %s, %.1f M/s" : "\r\033[K%s: %.0f %s, %.1f/s",
            progress->what, (double)done / (millions ? 1e6 : 1.0), progress->unit,
            rate / (millions ? 1e6 : 1.0));
    if (progress->total > done && rate > 0.0)
        fprintf(progress->out, ", %.0f %%, %.0f s left", 100.0 * (double)done / (double)progress->total,
                (double)(progress->total - done) / rate);
    fflush(progress->out);
}

double ofr_progress_elapsed_s(const struct ofr_progress *progress)
{
    return ofr_monotonic_s() - progress->started_s;
}

void ofr_progress_end(struct ofr_progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", progress->out);
}
