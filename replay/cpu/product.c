#include "replay/cpu/product.h"

static int status(dnnl_status_t found, const char *what, struct ofr_error *err)
{
    if (found == dnnl_success)
        return OFR_OK;
    if (found == dnnl_out_of_memory)
        return ofr_fail_nomem(err, what);
    return ofr_fail(err, OFR_E_DEVICE, "cpu: oneDNN could not make %s: status %d", what, (int)found);
}

int ofr_cpu_engine_init(struct ofr_cpu_engine *engine, struct ofr_error *err)
{
    *engine = (struct ofr_cpu_engine){0};
    int rc = status(dnnl_engine_create(&engine->engine, dnnl_cpu, 0), "an engine", err);
    return rc ? rc
              : status(dnnl_stream_create(&engine->stream, engine->engine, dnnl_stream_default_flags),
                       "a stream", err);
}

void ofr_cpu_engine_release(struct ofr_cpu_engine *engine)
{
    if (engine->stream)
        dnnl_stream_destroy(engine->stream);
    if (engine->engine)
        dnnl_engine_destroy(engine->engine);
    *engine = (struct ofr_cpu_engine){0};
}

/* Descriptions of a convolution's three tensors; `weight` as the operator has it (out, row, column, in). */
struct shapes {
    dnnl_memory_desc_t in, weight, any, out;
};

static int describe(struct shapes *shapes, const struct ofr_cpu_task *task, struct ofr_error *err)
{
    const struct ofr_tensor *from = &task->from, *to = &task->to;
    dnnl_dims_t in = {task->n, from->c, from->h, from->w}, out = {task->n, to->c, to->h, to->w};
    dnnl_dims_t weight = {to->c, from->c, task->op->kernel, task->op->kernel};
    int rc = status(dnnl_memory_desc_init_by_tag(&shapes->in, 4, in, dnnl_f32, dnnl_nhwc), "a shape", err);
    if (!rc)
        rc = status(dnnl_memory_desc_init_by_tag(&shapes->out, 4, out, dnnl_f32, dnnl_nhwc), "a shape", err);
    if (!rc)
        rc = status(dnnl_memory_desc_init_by_tag(&shapes->weight, 4, weight, dnnl_f32, dnnl_ohwi), "a shape",
                    err);
    if (!rc)
        rc = status(dnnl_memory_desc_init_by_tag(&shapes->any, 4, weight, dnnl_f32, dnnl_format_tag_any),
                    "a shape", err);
    return rc;
}

/* Copies the weight into the layout `wanted`. */
static int take_weight(struct ofr_cpu_product *product, const struct shapes *shapes,
                       const dnnl_memory_desc_t *wanted, const float *weight, struct ofr_error *err)
{
    dnnl_engine_t engine = product->engine->engine;
    dnnl_primitive_desc_t plan = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_memory_t from = NULL;
    product->bytes = dnnl_memory_desc_get_size(wanted);
    int rc =
        status(dnnl_memory_create(&product->weight, wanted, engine, DNNL_MEMORY_ALLOCATE), "weights", err);
    if (!rc) /* oneDNN's handles are not const; the source of a reorder is only read */
        rc = status(dnnl_memory_create(&from, &shapes->weight, engine, (void *)(uintptr_t)weight), "weights",
                    err);
    if (!rc)
        rc = status(dnnl_reorder_primitive_desc_create(&plan, &shapes->weight, engine, wanted, engine, NULL),
                    "a reordering", err);
    if (!rc)
        rc = status(dnnl_primitive_create(&reorder, plan), "a reordering", err);
    if (!rc) {
        dnnl_exec_arg_t argument[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, product->weight}};
        rc = status(dnnl_primitive_execute(reorder, product->engine->stream, 2, argument), "a reordering",
                    err);
    }
    if (!rc)
        rc = status(dnnl_stream_wait(product->engine->stream), "a reordering", err);
    if (reorder)
        dnnl_primitive_destroy(reorder);
    if (plan)
        dnnl_primitive_desc_destroy(plan);
    if (from)
        dnnl_memory_destroy(from);
    return rc;
}

/* The primitive; `plan` is the caller's to destroy. */
static int make(struct ofr_cpu_product *product, const struct ofr_cpu_task *task, const struct shapes *shapes,
                dnnl_primitive_desc_t *plan, struct ofr_error *err)
{
    dnnl_dims_t stride = {task->op->stride, task->op->stride}, pad = {task->op->pad, task->op->pad}, end;
    const struct ofr_tensor *from = &task->from, *to = &task->to;
    /* What the last window needs behind the edge; negative where a remainder of the input is not read. */
    end[0] = ((dnnl_dim_t)to->h - 1) * stride[0] + task->op->kernel - from->h - pad[0];
    end[1] = ((dnnl_dim_t)to->w - 1) * stride[1] + task->op->kernel - from->w - pad[1];
    dnnl_convolution_desc_t conv;
    int rc = status(dnnl_convolution_forward_desc_init(&conv, dnnl_forward_inference, dnnl_convolution_direct,
                                                       &shapes->in, &shapes->any, NULL, &shapes->out, stride,
                                                       pad, end),
                    "a convolution", err);
    if (!rc)
        rc = status(dnnl_primitive_desc_create(plan, &conv, NULL, product->engine->engine, NULL),
                    "a convolution", err);
    return rc ? rc : status(dnnl_primitive_create(&product->primitive, *plan), "a convolution", err);
}

/* oneDNN wants another layout for another batch size at times; forced into one it falls back to loops 40 times as slow. */
static int find_weight(struct ofr_cpu_product *product, const struct shapes *shapes,
                       const dnnl_memory_desc_t *wanted, const float *weight,
                       const struct ofr_cpu_product *like, struct ofr_error *err)
{
    const dnnl_memory_desc_t *theirs;
    if (like && dnnl_memory_get_memory_desc(like->weight, &theirs) == dnnl_success &&
        dnnl_memory_desc_equal(theirs, wanted)) {
        product->weight = like->weight;
        product->shares = true;
        return OFR_OK;
    }
    return take_weight(product, shapes, wanted, weight, err);
}

int ofr_cpu_product_init(struct ofr_cpu_product *product, const struct ofr_cpu_engine *engine,
                         const struct ofr_cpu_task *task, const struct ofr_cpu_product *like,
                         struct ofr_error *err)
{
    struct shapes shapes;
    dnnl_primitive_desc_t plan = NULL;
    *product = (struct ofr_cpu_product){.engine = engine};
    int rc = describe(&shapes, task, err);
    if (!rc)
        rc = make(product, task, &shapes, &plan, err);
    if (!rc)
        rc = find_weight(product, &shapes, dnnl_primitive_desc_query_md(plan, dnnl_query_weights_md, 0),
                         task->weight, like, err);
    if (!rc)
        rc = status(dnnl_memory_create(&product->in, &shapes.in, engine->engine, (void *)(uintptr_t)task->in),
                    "a tensor", err);
    if (!rc)
        rc = status(dnnl_memory_create(&product->out, &shapes.out, engine->engine, task->out), "a tensor",
                    err);
    if (plan)
        dnnl_primitive_desc_destroy(plan);
    return rc;
}

void ofr_cpu_product_release(struct ofr_cpu_product *product)
{
    if (product->primitive)
        dnnl_primitive_destroy(product->primitive);
    if (product->in)
        dnnl_memory_destroy(product->in);
    if (product->out)
        dnnl_memory_destroy(product->out);
    if (product->weight && !product->shares)
        dnnl_memory_destroy(product->weight);
    *product = (struct ofr_cpu_product){0};
}

int ofr_cpu_product_run(const struct ofr_cpu_product *product)
{
    dnnl_exec_arg_t argument[3] = {
        {DNNL_ARG_SRC, product->in}, {DNNL_ARG_WEIGHTS, product->weight}, {DNNL_ARG_DST, product->out}};
    dnnl_status_t found = dnnl_primitive_execute(product->primitive, product->engine->stream, 3, argument);
    return found == dnnl_success ? (int)dnnl_stream_wait(product->engine->stream) : (int)found;
}
