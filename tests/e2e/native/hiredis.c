/* hiredis.c PORT - the C client hiredis against a server: pipelining, large values, binary keys,
 * RESP3 where the installed version speaks it.  Not a test of hiredis.  Prints one line per check.
 */
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIPELINED 20000
#define BIG_BYTES (32u << 20)

static int n_failed;

static void check(int good, const char *what)
{
    printf("%s %s\n", good ? "ok" : "not ok", what);
    if (!good) n_failed++;
}

static redisReply *ask(redisContext *c, const char *format, ...)
{
    va_list args;
    redisReply *reply;

    va_start(args, format);
    reply = redisvCommand(c, format, args);
    va_end(args);
    if (reply == NULL) {
        printf("not ok %s: %s\n", format, c->errstr);
        exit(1);
    }
    return reply;
}

static int is(redisReply *reply, int type, const char *bytes, size_t n)
{
    int good = reply->type == type && reply->len == n && memcmp(reply->str, bytes, n) == 0;

    freeReplyObject(reply);
    return good;
}

static void test_basics(redisContext *c)
{
    static const char key[] = {'a', '\0', '\r', '\n', (char)0xff},
                      value[] = {'\0', '\r', '\n', '$'};
    redisReply *reply;

    check(is(ask(c, "PING"), REDIS_REPLY_STATUS, "PONG", 4), "ping");
    check(
        is(ask(c, "SET %b %b", key, sizeof key, value, sizeof value), REDIS_REPLY_STATUS, "OK", 2),
        "set of bytes");
    check(is(ask(c, "GET %b", key, sizeof key), REDIS_REPLY_STRING, value, sizeof value),
          "get of bytes");
    reply = ask(c, "GET absent");
    check(reply->type == REDIS_REPLY_NIL, "nil");
    freeReplyObject(reply);
    reply = ask(c, "INCR %b", key, sizeof key);
    check(reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "not an integer"), "error");
    freeReplyObject(reply);
    reply = ask(c, "INCRBY number 9223372036854775807");
    check(reply->type == REDIS_REPLY_INTEGER && reply->integer == 9223372036854775807LL, "integer");
    freeReplyObject(reply);
}

static void test_pipeline(redisContext *c)
{
    int good = 1;

    for (int i = 0; i < PIPELINED; i++) redisAppendCommand(c, "SET p:%d %d", i, i * 7);
    for (int i = 0; i < PIPELINED; i++) redisAppendCommand(c, "GET p:%d", i);
    for (int i = 0; i < 2 * PIPELINED; i++) {
        redisReply *reply = NULL;
        if (redisGetReply(c, (void **)&reply) != REDIS_OK) {
            printf("not ok pipeline: %s\n", c->errstr);
            exit(1);
        }
        if (i < PIPELINED) good &= reply->type == REDIS_REPLY_STATUS;
        else good &= reply->type == REDIS_REPLY_STRING && atoi(reply->str) == (i - PIPELINED) * 7;
        freeReplyObject(reply);
    }
    check(good, "pipeline");
}

static void test_big(redisContext *c)
{
    char *value = malloc(BIG_BYTES);

    if (value == NULL) exit(1);
    for (unsigned i = 0; i < BIG_BYTES; i++) value[i] = (char)(i * 2654435761u >> 24);
    check(is(ask(c, "SET big %b", value, (size_t)BIG_BYTES), REDIS_REPLY_STATUS, "OK", 2),
          "big set");
    check(is(ask(c, "GET big"), REDIS_REPLY_STRING, value, BIG_BYTES), "big get");
    free(value);
}

static void test_resp3(redisContext *c)
{
#ifdef REDIS_REPLY_MAP
    redisReply *reply = ask(c, "HELLO 3");

    check(reply->type == REDIS_REPLY_MAP && reply->elements % 2 == 0, "hello 3");
    freeReplyObject(reply);
    reply = ask(c, "CONFIG GET port");
    check(reply->type == REDIS_REPLY_MAP && reply->elements == 2, "map");
    freeReplyObject(reply);
    reply = ask(c, "GET absent");
    check(reply->type == REDIS_REPLY_NIL, "null");
    freeReplyObject(reply);
#else
    redisReply *reply = ask(c, "HELLO 2");

    check(reply->type == REDIS_REPLY_ARRAY && reply->elements % 2 == 0, "hello 2");
    freeReplyObject(reply);
#endif
}

int main(int argc, char **argv)
{
    redisContext *c = argc == 2 ? redisConnect("127.0.0.1", atoi(argv[1])) : NULL;

    if (c == NULL || c->err) {
        printf("not ok connect: %s\n", c ? c->errstr : "usage: hiredis PORT");
        return 1;
    }
    test_basics(c);
    test_pipeline(c);
    test_big(c);
    test_resp3(c);
    redisFree(c);
    return n_failed != 0;
}
