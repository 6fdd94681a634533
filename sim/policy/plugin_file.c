#include "sim/policy/plugin.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static const unsigned char native_class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;

static bool holds(size_t size, size_t offset, size_t length)
{
    return offset <= size && length <= size - offset;
}

/* NULL, or what is wrong with the file as a shared object. */
static const char *fault_of(const unsigned char *bytes, size_t size)
{
    ElfW(Ehdr) head;
    if (size < sizeof head || memcmp(bytes, ELFMAG, SELFMAG) != 0)
        return "not a shared object (no ELF file)";
    memcpy(&head, bytes, sizeof head);
    if (head.e_ident[EI_CLASS] != native_class || head.e_phentsize != sizeof(ElfW(Phdr)))
        return "a shared object of another machine";
    if (head.e_type != ET_DYN)
        return "not a shared object (an ELF file of another kind; linked without -shared?)";
    if (!holds(size, head.e_phoff, (size_t)head.e_phnum * sizeof(ElfW(Phdr))) ||
        !holds(size, head.e_shoff, (size_t)head.e_shnum * head.e_shentsize))
        return "cut short";
    for (unsigned i = 0; i < head.e_phnum; ++i) {
        ElfW(Phdr) segment;
        memcpy(&segment, bytes + head.e_phoff + i * sizeof segment, sizeof segment);
        if (!holds(size, segment.p_offset, segment.p_filesz))
            return "cut short";
    }
    return NULL;
}

static int read_mapped(uint64_t *xxh64, int file, const char *path, struct ofr_error *err)
{
    struct stat st;
    if (fstat(file, &st))
        return ofr_fail(err, OFR_E_INPUT, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return ofr_fail(err, OFR_E_INPUT, "%s is not a file, expected a shared object", path);
    size_t size = (size_t)st.st_size;
    void *bytes = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
    if (size && bytes == MAP_FAILED)
        return ofr_fail(err, OFR_E_INPUT, "%s: %s", path, strerror(errno));
    const char *fault = size ? fault_of(bytes, size) : "empty";
    if (!fault)
        *xxh64 = XXH64(bytes, size, 0);
    if (size)
        munmap(bytes, size);
    return fault ? ofr_fail(err, OFR_E_INPUT, "%s is %s", path, fault) : 0;
}

int ofr_plugin_read_file(uint64_t *xxh64, const char *path, struct ofr_error *err)
{
    /* A pipe would wait for its other end. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: %s", path, strerror(errno));
    int rc = read_mapped(xxh64, file, path, err);
    close(file);
    return rc;
}
