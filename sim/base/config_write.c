#include "sim/base/config.h"

#include <stdlib.h>
#include <string.h>

/* Numbers with units, which ofr_text_format would quote, are plain in YAML too. */
static bool is_plain(const char *text)
{
    static const char inner[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-%";
    size_t length = strlen(text);
    bool head = length && strchr("+-%", text[0]) == NULL;
    return head && strspn(text, inner) == length;
}

static void write_scalar(FILE *out, const char *text, bool quoted)
{
    if (!quoted && is_plain(text)) {
        fputs(text, out);
        return;
    }
    size_t size = 6 * strlen(text) + 3; /* every byte may become an escape */
    char *formatted = malloc(size);
    if (!formatted) /* the caller's stream then lacks a value, and its reader says so */
        return;
    ofr_text_format(text, formatted, size);
    fputs(formatted, out);
    free(formatted);
}

void ofr_node_write_line(FILE *out, const struct ofr_node *node)
{
    if (node->kind == OFR_NODE_SCALAR) {
        write_scalar(out, node->text, node->quoted);
        return;
    }
    bool map = node->kind == OFR_NODE_MAP;
    fputc(map ? '{' : '[', out);
    for (uint32_t i = 0; i < node->children; ++i) {
        if (i)
            fputs(", ", out);
        if (map) {
            write_scalar(out, node->child[i]->key, false);
            fputs(": ", out);
        }
        ofr_node_write_line(out, node->child[i]);
    }
    fputc(map ? '}' : ']', out);
}

static bool holds_maps(const struct ofr_node *node)
{
    for (uint32_t i = 0; i < node->children; ++i)
        if (node->child[i]->kind != OFR_NODE_SCALAR)
            return true;
    return false;
}

void ofr_node_write(FILE *out, const struct ofr_node *node, int indent)
{
    if (node->kind != OFR_NODE_MAP || !node->children || (indent && !holds_maps(node))) {
        fputc(' ', out);
        ofr_node_write_line(out, node);
        fputc('\n', out);
        return;
    }
    fputc('\n', out);
    for (uint32_t i = 0; i < node->children; ++i) {
        fprintf(out, "%*s", indent, "");
        write_scalar(out, node->child[i]->key, false);
        fputc(':', out);
        ofr_node_write(out, node->child[i], indent + 2);
    }
}
