/* One connection of a running loop, over a socket pair. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/server/conn.h"
#include "tests/unit/server/server_kit.h"

#define VALUE_BYTES 4000
#define N_VALUES    2000
#define OUTPUT_MAX  ((N_VALUES - 10) * (uint64_t)VALUE_BYTES)
#define WAIT_MS     10000

static void say(int fd, const char *bytes, size_t n)
{
    cr_assert_eq(write(fd, bytes, n), (ssize_t)n);
}

/* SET k <value>, MGET k k k ...: a reply that is just too long. */
static void ask_too_much(int fd)
{
    char head[64], value[VALUE_BYTES + 2];
    int n = snprintf(head, sizeof head, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", VALUE_BYTES);

    memset(value, 'v', sizeof value);
    memcpy(value + VALUE_BYTES, "\r\n", 2);
    say(fd, head, (size_t)n);
    say(fd, value, sizeof value);
    n = snprintf(head, sizeof head, "*%d\r\n$4\r\nMGET\r\n", N_VALUES + 1);
    say(fd, head, (size_t)n);
    for (int i = 0; i < N_VALUES; i++) say(fd, "$1\r\nk\r\n", 7);
}

static void read_to_end(int fd)
{
    char bytes[65536];
    ssize_t n;

    do n = read(fd, bytes, sizeof bytes);
    while (n > 0);
}

Test(conn, a_reply_beyond_the_limit_is_not_kept_when_it_is_closed, .timeout = 30)
{
    struct server_kit kit;
    struct error error = {0};
    struct loop *loop;
    uint64_t before, until_ms;
    int fds[2];

    server_kit_open(&kit, NULL);
    if (command_find(slice_of("MGET", 4)) == NULL)
        cr_assert_eq(command_register(command_rows_string), 0);
    kit.server.limits.args_max = kit.server.limits.max_clients = 100000;
    kit.server.limits.bulk_max = kit.server.limits.query_buffer_max = 1 << 20;
    kit.server.limits.output_buffer_max = OUTPUT_MAX;
    loop = loop_start(&kit.server, 0, &error);
    cr_assert_not_null(loop, "%s", error.text);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    before = mem_used(MEM_BUFFER);
    loop_adopt(loop, fds[0]);
    ask_too_much(fds[1]);
    read_to_end(fds[1]);
    close(fds[1]);
    until_ms = clock_unix_ms() + WAIT_MS;
    while (mem_used(MEM_BUFFER) > before + OUTPUT_MAX / 8 && clock_unix_ms() < until_ms)
        usleep(1000);
    cr_expect_leq(mem_used(MEM_BUFFER), before + OUTPUT_MAX / 8, "%lu bytes are still held",
                  (unsigned long)(mem_used(MEM_BUFFER) - before));
    cr_expect_eq(METRIC_READ(loop->stats.output_overruns), 1);
    loop_stop(loop);
    server_kit_close(&kit);
}
