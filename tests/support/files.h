/* Files of a test: a folder of its own under the system's temporary folder, removed by files_remove.
 *
 * Header-only; one folder for each process (Criterion runs every test in its own). Paths are kept in a small
 * ring: use a few at a time.
 */
#ifndef OFR_TESTS_SUPPORT_FILES_H
#define OFR_TESTS_SUPPORT_FILES_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char files__folder[64];

/* Path of a file in the folder; the folder is made on first use. */
static inline char *files_path(const char *name)
{
    static char ring[16][128];
    static unsigned next;
    if (!files__folder[0]) {
        snprintf(files__folder, sizeof files__folder, "/tmp/offramp-test-XXXXXX");
        if (!mkdtemp(files__folder))
            abort();
    }
    char *path = ring[next++ % 16];
    snprintf(path, sizeof ring[0], "%s/%s", files__folder, name);
    return path;
}

static inline void files_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
        abort();
}

/* Owned by the caller; one NUL follows the bytes. */
static inline unsigned char *files_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    if (!file || fstat(fileno(file), &st))
        abort();
    unsigned char *bytes = calloc(1, (size_t)st.st_size + 1);
    *size = fread(bytes, 1, (size_t)st.st_size, file);
    fclose(file);
    return bytes;
}

static inline void files__remove_folder(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            unlinkat(fd, entry->d_name, 0);
    if (folder)
        closedir(folder);
    unlinkat(parent, name, AT_REMOVEDIR);
}

/* Removes files, and folders of files. */
static inline int files__each(bool remove_them)
{
    int count = 0;
    DIR *folder = opendir(files__folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        count++;
        if (remove_them && unlinkat(dirfd(folder), entry->d_name, 0))
            files__remove_folder(dirfd(folder), entry->d_name);
    }
    if (folder)
        closedir(folder);
    return count;
}

/* Files there are, temporary ones included. */
static inline int files_count(void)
{
    return files__each(false);
}

static inline void files_remove(void)
{
    files__each(true);
    rmdir(files__folder);
    files__folder[0] = '\0';
}

#endif
