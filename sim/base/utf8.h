/* Text from outside (file names, command lines) may hold any byte; JSON, XML and fonts take UTF-8 alone. */
#ifndef OFR_BASE_UTF8_H
#define OFR_BASE_UTF8_H

/* Every byte that is no part of a UTF-8 character becomes `?`. */
void ofr_make_utf8(char *text);

#endif
