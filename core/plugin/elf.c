/* elf.c - see elf.h. */
#include "core/plugin/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM_HEADERS_MAX 64 /* a shared object has about ten */

/* Our own header, placed by the linker: what class, byte order and machine are we? */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static int read_at(int fd, void *at, size_t bytes, uint64_t offset, struct error *error)
{
    size_t used = 0;

    while (used < bytes) {
        ssize_t n = pread(fd, (char *)at + used, bytes - used, (off_t)(offset + used));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return error_set(error, LOOM_E_IO, "cannot be read: %s", strerror(errno));
        if (n == 0) return error_set(error, LOOM_E_CONFIG, "is truncated: it became shorter");
        used += (size_t)n;
    }
    return 0;
}

static bool inside(uint64_t offset, uint64_t bytes, uint64_t size)
{
    return offset <= size && bytes <= size - offset;
}

static int check_header(const ElfW(Ehdr) *header, uint64_t size, struct error *error)
{
    const ElfW(Ehdr) *own = &__ehdr_start;

    if (header->e_ident[EI_CLASS] != own->e_ident[EI_CLASS] ||
        header->e_ident[EI_DATA] != own->e_ident[EI_DATA] || header->e_machine != own->e_machine)
        return error_set(error, LOOM_E_CONFIG,
                         "is built for another machine (ELF machine %u, this is %u)",
                         header->e_machine, own->e_machine);
    if (header->e_type != ET_DYN)
        return error_set(error, LOOM_E_CONFIG,
                         "is an ELF file, but not a shared object: link it with -shared");
    if (header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phnum == 0 ||
        header->e_phnum > PROGRAM_HEADERS_MAX)
        return error_set(error, LOOM_E_CONFIG, "has an unusual ELF program header table");
    if (!inside(header->e_phoff, (uint64_t)header->e_phnum * sizeof(ElfW(Phdr)), size))
        return error_set(error, LOOM_E_CONFIG, "is truncated: its program headers are missing");
    if (header->e_shoff != 0 &&
        !inside(header->e_shoff, (uint64_t)header->e_shnum * header->e_shentsize, size))
        return error_set(error, LOOM_E_CONFIG,
                         "is truncated: its section headers are missing (%llu bytes are there)",
                         (unsigned long long)size);
    return 0;
}

static int check_segments(const ElfW(Phdr) *segments, size_t n, uint64_t size,
                          struct error *error)
{
    bool dynamic = false, loaded = false;

    for (size_t i = 0; i < n; i++) {
        if (segments[i].p_type == PT_NULL) continue;
        if (!inside(segments[i].p_offset, segments[i].p_filesz, size) ||
            (segments[i].p_type == PT_LOAD && segments[i].p_memsz < segments[i].p_filesz))
            return error_set(error, LOOM_E_CONFIG,
                             "is truncated: segment %zu does not lie inside the file", i);
        dynamic |= segments[i].p_type == PT_DYNAMIC;
        loaded |= segments[i].p_type == PT_LOAD;
    }
    if (!dynamic || !loaded)
        return error_set(error, LOOM_E_CONFIG,
                         "is an ELF file, but not a shared object: nothing in it can be loaded");
    return 0;
}

static int check_open(int fd, struct error *error)
{
    ElfW(Phdr) segments[PROGRAM_HEADERS_MAX];
    ElfW(Ehdr) header;
    struct stat st;
    uint64_t size;
    int rc;

    if (fstat(fd, &st) != 0)
        return error_set(error, LOOM_E_IO, "cannot be read: %s", strerror(errno));
    if (S_ISDIR(st.st_mode)) return error_set(error, LOOM_E_CONFIG, "is a folder");
    if (!S_ISREG(st.st_mode)) return error_set(error, LOOM_E_CONFIG, "is not a regular file");
    size = (uint64_t)st.st_size;
    if (size == 0) return error_set(error, LOOM_E_CONFIG, "is empty");
    memset(&header, 0, sizeof header);
    rc = read_at(fd, &header, size < sizeof header ? size : sizeof header, 0, error);
    if (rc != 0) return rc;
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return error_set(error, LOOM_E_CONFIG, "is not a shared object (no ELF header)");
    if (size < sizeof header)
        return error_set(error, LOOM_E_CONFIG, "is truncated: the ELF header is not whole");
    rc = check_header(&header, size, error);
    if (rc == 0)
        rc = read_at(fd, segments, header.e_phnum * sizeof segments[0], header.e_phoff, error);
    return rc == 0 ? check_segments(segments, header.e_phnum, size, error) : rc;
}

int elf_check(const char *path, struct error *error)
{
    int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) return error_set(error, LOOM_E_IO, "cannot be opened: %s", strerror(errno));
    rc = check_open(fd, error);
    close(fd);
    return rc;
}
