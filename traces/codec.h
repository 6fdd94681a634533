/* Private to the container: encodings of a column's values (see container.h), before compression.
 *
 * Both directions keep the number of bytes. Source and destination must not overlap; decoded values are
 * aligned for their type.
 */
#ifndef OFR_TRACES_CODEC_H
#define OFR_TRACES_CODEC_H

#include "traces/container.h"

void ofr_codec_encode(const struct ofr_column *column, uint32_t rows, const void *values, unsigned char *out);
void ofr_codec_decode(const struct ofr_column *column, uint32_t rows, const unsigned char *encoded,
                      void *values);

#endif
