/* Text from outside (file names, command lines) may hold any byte; JSON, XML and fonts take UTF-8 alone. */
#ifndef OFR_BASE_UTF8_H
#define OFR_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the UTF-8 character at `text`, and its number; 0 = there is none. Ends at the zero byte. */
size_t ofr_utf8_at(const char *text, uint32_t *code);

/* Every byte that is no part of a UTF-8 character becomes `?`. */
void ofr_make_utf8(char *text);

#endif
