/* Convolutions and linear layers through OpenBLAS: rows of patches times the weight. */
#include "replay/cpu/ops.h"

#include <cblas.h>
#include <string.h>

enum {
    BLOCK_FLOATS = 1 << 19, /* of patches at a time: 2 MB, about a core's second-level cache */
};

static void multiply(const float *in, const float *weight, float *out, size_t rows, uint32_t c_out,
                     uint32_t columns)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)rows, (blasint)c_out, (blasint)columns,
                1.0f, in, (blasint)columns, weight, (blasint)columns, 0.0f, out, (blasint)c_out);
}

void ofr_cpu_fast_linear(const struct ofr_cpu_task *task)
{
    size_t rows = (size_t)task->n * task->to.h * task->to.w;
    multiply(task->in, task->weight, task->out, rows, task->to.c, task->columns);
    ofr_cpu_finish(task->out, task->add, task->bias, rows, task->to.c, task->op->act);
}

static size_t block_rows(uint32_t columns)
{
    size_t rows = BLOCK_FLOATS / columns;
    return rows ? rows : 1;
}

size_t ofr_cpu_scratch(const struct ofr_net *net)
{
    size_t most = 0;
    for (uint32_t i = 0; i < net->ops; ++i) {
        if (net->op[i].kind != OFR_OP_CONV)
            continue;
        uint32_t columns = net->weight[net->op[i].weight].columns;
        size_t floats = block_rows(columns) * columns;
        most = floats > most ? floats : most;
    }
    return most;
}

/* The input under the kernel at output pixel `row` (counted over images and pixels), kernel row by kernel row. */
static void patch(const struct ofr_cpu_task *task, size_t row, float *out)
{
    const struct ofr_op *op = task->op;
    const struct ofr_tensor *from = &task->from, *to = &task->to;
    size_t pixels = (size_t)to->h * to->w, at = row % pixels;
    const float *image = (const float *)task->in + row / pixels * from->h * from->w * from->c;
    int64_t top = (int64_t)(at / to->w * op->stride) - op->pad,
            left = (int64_t)(at % to->w * op->stride) - op->pad;
    for (uint32_t ky = 0; ky < op->kernel; ++ky) {
        int64_t y = top + ky;
        for (uint32_t kx = 0; kx < op->kernel; ++kx, out += from->c) {
            int64_t x = left + kx;
            if (y < 0 || x < 0 || y >= from->h || x >= from->w)
                memset(out, 0, from->c * sizeof *out);
            else
                memcpy(out, image + ((size_t)y * from->w + (size_t)x) * from->c, from->c * sizeof *out);
        }
    }
}

void ofr_cpu_fast_conv(const struct ofr_cpu_task *task)
{
    const struct ofr_op *op = task->op;
    size_t rows = (size_t)task->n * task->to.h * task->to.w, most = block_rows(task->columns);
    uint32_t c_out = task->to.c;
    if (op->kernel == 1 && op->stride == 1 && op->pad == 0) {
        multiply(task->in, task->weight, task->out, rows, c_out, task->columns);
    } else {
        for (size_t first = 0; first < rows; first += most) {
            size_t block = rows - first < most ? rows - first : most;
            for (size_t r = 0; r < block; ++r)
                patch(task, first + r, task->scratch + r * task->columns);
            multiply(task->scratch, task->weight, task->out + first * c_out, block, c_out, task->columns);
        }
    }
    ofr_cpu_finish(task->out, task->add, task->bias, rows, c_out, op->act);
}
