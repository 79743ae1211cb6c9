/* tsan_arena.c - lets Criterion run under the thread sanitizer; linked into unit tests there only.
 *
 * Criterion's process isolation (BoxFort) maps its arena at a fixed random address between
 * 0x200000000000 and 0x600000000000, which TSan on x86-64 keeps for itself: the mapping is refused
 * and no test starts. BoxFort is content with any address below 0x7f0000000000, and TSan gives
 * programs everything from 0x7e8000000000 up: requests for the first range are moved to the second.
 * Both functions stand before libc's and libtsan's for every caller in the process, so they must
 * not be instrumented themselves. */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define ARENA_LOW  0x200000000000u
#define ARENA_HIGH 0x600000000000u
#define TSAN_LOW   0x7e8000000000u
#define OFFSET_MASK 0x7fffffffffu

#define NOT_INSTRUMENTED __attribute__((no_sanitize("thread")))

/* TSan's own mmap64, which also resets its shadow. */
void *__interceptor_mmap64(void *addr, size_t length, int prot, int flags, int fd, off64_t offset);

NOT_INSTRUMENTED static void *moved(void *addr)
{
    uintptr_t at = (uintptr_t)addr;
    return at >= ARENA_LOW && at < ARENA_HIGH ? (void *)(TSAN_LOW + (at & OFFSET_MASK)) : addr;
}

NOT_INSTRUMENTED
void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off64_t offset)
{
    return __interceptor_mmap64(moved(addr), length, prot, flags, fd, offset);
}

/* BoxFort asks first whether the page is free. */
NOT_INSTRUMENTED int mincore(void *addr, size_t length, unsigned char *ret_resident)
{
    return (int)syscall(SYS_mincore, moved(addr), length, ret_resident);
}
