/* link.c - hiredis, with every wait bounded and every failure a sentence. */
#include "core/ctl/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

static struct timeval timeval_of(int ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

/* Why hiredis gave up, with errno as it left it. */
static int broken(const struct link *link, int code, struct error *error)
{
    const redisContext *redis = link->redis;

    if (redis == NULL) return error_set(error, LOOM_E_NOMEM, "%s: out of memory", link->where);
    if (redis->err == REDIS_ERR_IO && code == ECONNREFUSED)
        return error_set(error, LOOM_E_IO,
                         "%s: connection refused: nobody listens there; is loomcache running, and "
                         "are -h and -p its [server] bind and port?", link->where);
    if (redis->err == REDIS_ERR_IO && (code == EAGAIN || code == ETIMEDOUT))
        return error_set(error, LOOM_E_IO,
                         "%s: no answer in time: is the address right, does a firewall drop "
                         "packets, or is the node overloaded?", link->where);
    if (redis->err == REDIS_ERR_EOF)
        return error_set(error, LOOM_E_IO, "%s: the node closed the connection", link->where);
    if (redis->err == REDIS_ERR_PROTOCOL)
        return error_set(error, LOOM_E_IO,
                         "%s: what answers does not speak the Redis protocol; is this the port for "
                         "clients?", link->where);
    return error_set(error, LOOM_E_IO, "%s: %s", link->where, redis->errstr);
}

static int authenticate(struct link *link, const char *password, struct error *error)
{
    const char *words[] = {"AUTH", password};
    redisReply *reply = redisCommandArgv(link->redis, 2, (const char **)words, NULL);
    int rc = 0;

    if (reply == NULL) return broken(link, errno, error);
    /* Not the node's own words: nobody knows what they may repeat. */
    if (reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "without any password") != NULL)
        rc = error_set(error, LOOM_E_CONFIG,
                       "%s: a password was given, but the node has none set", link->where);
    else if (reply->type == REDIS_REPLY_ERROR)
        rc = error_set(error, LOOM_E_CONFIG, "%s: the node refused the password", link->where);
    freeReplyObject(reply);
    return rc;
}

int link_open(struct link *link, const char *host, uint16_t port, const char *password,
              struct error *error)
{
    int rc = 0;

    snprintf(link->where, sizeof link->where, "%.120s port %u", host, port);
    errno = 0;
    link->redis = redisConnectWithTimeout(host, port, timeval_of(LINK_CONNECT_MS));
    if (link->redis == NULL || link->redis->err != 0) rc = broken(link, errno, error);
    if (rc == 0 && redisSetTimeout(link->redis, timeval_of(LINK_REPLY_MS)) != REDIS_OK)
        rc = broken(link, errno, error);
    if (rc == 0 && password != NULL && *password != '\0') rc = authenticate(link, password, error);
    if (rc != 0) link_close(link);
    return rc;
}

void link_close(struct link *link)
{
    if (link->redis != NULL) redisFree(link->redis);
    link->redis = NULL;
}

/* The node's words, without what a terminal would obey. */
static int refused(const struct link *link, const redisReply *reply, struct error *error)
{
    int rc;

    if (strncmp(reply->str, "NOAUTH", 6) == 0)
        return error_set(error, LOOM_E_INVALID,
                         "%s: the node wants a password: set LOOMCTL_PASSWORD, or use -a",
                         link->where);
    rc = error_set(error, LOOM_E_INVALID, "%s: %.*s", link->where, (int)reply->len, reply->str);
    for (char *c = error->text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
    return rc;
}

int link_ask(struct link *link, int n_words, const char *const *words, redisReply **ret,
             struct error *error)
{
    redisReply *reply = redisCommandArgv(link->redis, n_words, (const char **)(uintptr_t)words,
                                         NULL);
    int rc;

    if (reply == NULL) return broken(link, errno, error);
    if (reply->type != REDIS_REPLY_ERROR) {
        *ret = reply;
        return 0;
    }
    rc = refused(link, reply, error);
    freeReplyObject(reply);
    return rc;
}

int link_tell(struct link *link, int n_words, const char *const *words, struct error *error)
{
    redisReply *reply = NULL;
    int rc = link_ask(link, n_words, words, &reply, error);

    if (rc == 0) freeReplyObject(reply);
    return rc;
}

int link_shutdown(struct link *link, struct error *error)
{
    redisReply *reply = redisCommand(link->redis, "SHUTDOWN NOSAVE");
    int rc = 0;

    if (reply == NULL) {
        /* Closed, or reset while closing: gone, as asked. */
        if (link->redis->err == REDIS_ERR_EOF) return 0;
        if (link->redis->err == REDIS_ERR_IO && errno == ECONNRESET) return 0;
        return broken(link, errno, error);
    }
    if (reply->type == REDIS_REPLY_ERROR) rc = refused(link, reply, error);
    freeReplyObject(reply);
    return rc;
}
