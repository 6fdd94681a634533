/* NumPy arrays (.npy, format 1.0, 2.0 and 3.0) of one or two dimensions, strictly.
 *
 * Little-endian numbers and bools in C order only; objects, structures, big-endian and Fortran order are
 * refused. The claimed shape has to account for the file's size to the byte before anything is allocated.
 *
 * Errors: OFR_E_INPUT with file and offset, OFR_E_IO, OFR_E_NOMEM.
 */
#ifndef OFR_IMPORT_NPY_H
#define OFR_IMPORT_NPY_H

#include "sim/base/error.h"

#include <stddef.h>
#include <stdint.h>

/* X(name, descr, bytes, is_real) */
#define OFR_NPY_TYPE_MAP(X)                                                                                  \
    X(F16, "<f2", 2, true)                                                                                   \
    X(F32, "<f4", 4, true)                                                                                   \
    X(F64, "<f8", 8, true)                                                                                   \
    X(BOOL, "|b1", 1, false)                                                                                 \
    X(U8, "|u1", 1, false)                                                                                   \
    X(U16, "<u2", 2, false)                                                                                  \
    X(U32, "<u4", 4, false)                                                                                  \
    X(I8, "|i1", 1, false)                                                                                   \
    X(I16, "<i2", 2, false)                                                                                  \
    X(I32, "<i4", 4, false)                                                                                  \
    X(I64, "<i8", 8, false)

enum ofr_npy_type {
#define X(name, descr, bytes, is_real) OFR_NPY_##name,
    OFR_NPY_TYPE_MAP(X)
#undef X
};

struct ofr_npy {
    enum ofr_npy_type type;
    int dimensions;      /* 1 or 2 */
    uint64_t shape[2];   /* rows, columns; columns = 1 for one dimension */
    unsigned char *data; /* owned; row after row */
};

int ofr_npy_load(struct ofr_npy *out, const char *path, struct ofr_error *err);
/* As ofr_npy_load, of any number of dimensions: the first counts rows, the others together columns. */
int ofr_npy_load_rows(struct ofr_npy *out, const char *path, struct ofr_error *err);
void ofr_npy_release(struct ofr_npy *npy);

bool ofr_npy_is_real(const struct ofr_npy *npy);
/* Element by number, as f32 (f64 is rounded) or as an integer; the type must fit the call. */
float ofr_npy_real(const struct ofr_npy *npy, size_t i);
int64_t ofr_npy_integer(const struct ofr_npy *npy, size_t i);

#endif
