#include "sim/base/utf8.h"

#include <stdbool.h>

size_t ofr_utf8_at(const char *text, uint32_t *number)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *s = (const unsigned char *)text;
    *number = s[0];
    if (s[0] < 0x80)
        return 1;
    size_t size = s[0] >= 0xf0 && s[0] < 0xf8 ? 4 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 2;
    if (s[0] < 0xc0 || s[0] >= 0xf8)
        return 0;
    uint32_t code = s[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    *number = code;
    bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < least[size] || code > 0x10ffff || surrogate ? 0 : size;
}

void ofr_make_utf8(char *text)
{
    while (*text) {
        uint32_t number;
        size_t size = ofr_utf8_at(text, &number);
        if (!size)
            *text = '?';
        text += size ? size : 1;
    }
}
