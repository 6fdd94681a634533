/* Inputs that travel ahead: those of requests that wait, one after the other in order of admission, whenever the loop has
 * nothing else to do. Every admitted request is in the queue once; one that has been dispatched or lost meanwhile is
 * passed over, and where its slot has a new request already, that one has only come to its turn early. */
#include "sim/serve/serve_internal.h"

int serve__expect_input(struct serve *s, uint32_t slot)
{
    return s->setup->inputs_ahead ? ofr_slot_queue_push(&s->inputs, slot, s->err) : 0;
}

void serve__forget_input(struct serve *s, uint32_t slot)
{
    struct ofr_request *request = &s->pool.request[slot];
    const struct ofr_executor *executor = &s->setup->executor;
    if (s->setup->inputs_ahead && request->input == OFR_INPUT_TRAVELS)
        executor->ops->forget(executor->state, request->place);
    request->input = OFR_INPUT_GONE;
}

void serve__take_inputs(struct serve *s, struct ofr_batch *batch)
{
    for (uint32_t row = 0; row < batch->size; ++row) {
        struct ofr_request *request = &s->pool.request[batch->slot[row]];
        batch->place[row] = request->input == OFR_INPUT_TRAVELS ? request->place : OFR_PLACE_NONE;
        request->input = OFR_INPUT_GONE;
    }
}

int serve__send_input(struct serve *s, bool *sent)
{
    const struct ofr_executor *executor = &s->setup->executor;
    *sent = false;
    while (s->inputs.count > 0 && !*sent) {
        struct ofr_request *request = &s->pool.request[ofr_slot_queue_at(&s->inputs, 0)];
        if (request->input == OFR_INPUT_HERE) {
            int rc = executor->ops->prepare(executor->state, request->sample, &request->place, s->err);
            if (rc)
                return rc;
            if (request->place == OFR_PLACE_NONE)
                return 0; /* no room before the next batch begins */
            request->input = OFR_INPUT_TRAVELS;
            *sent = true;
        }
        ofr_slot_queue_pop(&s->inputs);
    }
    return 0;
}
