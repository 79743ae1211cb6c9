/* ext_loop.c - see ext_loop.h.
 *
 * A waiter is a timer or a watch in a slot; its id is a running number and the slot.  Ending a
 * waiter empties the slot and closes the handle: libuv calls back no more from then on, and the
 * memory goes when the handle has closed.
 */
#include "core/server/ext_loop.h"

#include <pthread.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

#define SLOT_BITS 8
#define WATCH_ERRORS_MAX 16 /* in a row; then the watch falls silent instead of spinning */

LOOM_STATIC_ASSERT(EXT_LOOP_WAITERS_MAX == 1 << SLOT_BITS, "a slot fits in an id");

struct waiter {
    union {
        uv_handle_t any;
        uv_timer_t timer;
        uv_poll_t poll;
    } handle;
    struct ext_loop *ext;
    uint64_t id; /* 0: ended */
    bool is_watch;
    void (*fire)(void *arg);
    void (*ready)(void *arg, int fd, bool readable, bool writable);
    void *arg;
    int fd, events; /* UV_READABLE, UV_WRITABLE */
    uint32_t n_errors;
};

struct post {
    struct post *next;
    void (*run)(void *arg);
    void *arg;
};

struct ext_loop {
    uv_loop_t *uv;
    uint64_t *now_ms;
    uv_async_t wake;
    uint32_t n_handles; /* open or closing; the last one takes this along */
    bool closed;
    struct waiter *slots[EXT_LOOP_WAITERS_MAX];
    uint64_t last_id;
    pthread_mutex_t lock; /* guards what follows */
    struct post *posts, **posts_tail;
    uint32_t n_posts;
};

static void release(struct ext_loop *ext)
{
    if (--ext->n_handles > 0) return;
    pthread_mutex_destroy(&ext->lock);
    mem_free(MEM_PLUGIN, ext);
}

/* ---- posts ---------------------------------------------------------------------------------- */

static struct post *take_posts(struct ext_loop *ext)
{
    struct post *posts;

    pthread_mutex_lock(&ext->lock);
    posts = ext->posts;
    ext->posts = NULL;
    ext->posts_tail = &ext->posts;
    ext->n_posts = 0;
    pthread_mutex_unlock(&ext->lock);
    return posts;
}

/* What run() posts is for the next turn, so a plugin that posts from its posts starves nobody. */
static void on_wake(uv_async_t *wake)
{
    struct ext_loop *ext = wake->data;
    struct post *post, *next;

    for (post = take_posts(ext); post != NULL; post = next) {
        next = post->next;
        *ext->now_ms = clock_unix_ms();
        if (!ext->closed) post->run(post->arg);
        mem_free(MEM_PLUGIN, post);
    }
}

int ext_loop_post(struct ext_loop *ext, void (*run)(void *arg), void *arg)
{
    struct post *post = mem_alloc(MEM_PLUGIN, sizeof *post);
    bool full;

    if (post == NULL) return LOOM_E_NOMEM;
    *post = (struct post){.run = run, .arg = arg};
    pthread_mutex_lock(&ext->lock);
    full = ext->n_posts >= EXT_LOOP_POSTS_MAX;
    if (!full) {
        *ext->posts_tail = post;
        ext->posts_tail = &post->next;
        ext->n_posts++;
        uv_async_send(&ext->wake);
    }
    pthread_mutex_unlock(&ext->lock);
    if (full) mem_free(MEM_PLUGIN, post);
    return full ? LOOM_E_NOMEM : 0;
}

/* ---- life of a waiter ----------------------------------------------------------------------- */

static void on_waiter_closed(uv_handle_t *handle)
{
    struct waiter *waiter = handle->data;
    struct ext_loop *ext = waiter->ext;

    mem_free(MEM_PLUGIN, waiter);
    release(ext);
}

static uint32_t slot_of(uint64_t id)
{
    return (uint32_t)(id & (EXT_LOOP_WAITERS_MAX - 1));
}

static void waiter_end(struct waiter *waiter)
{
    waiter->ext->slots[slot_of(waiter->id)] = NULL;
    waiter->id = 0;
    uv_close(&waiter->handle.any, on_waiter_closed);
}

static uint64_t next_id(struct ext_loop *ext, uint32_t slot)
{
    return ++ext->last_id << SLOT_BITS | slot;
}

/* A waiter without a handle, not yet in its slot; NULL: no memory, or no slot is free. */
static struct waiter *waiter_new(struct ext_loop *ext)
{
    struct waiter *waiter;
    uint32_t slot = 0;

    while (slot < EXT_LOOP_WAITERS_MAX && ext->slots[slot] != NULL) slot++;
    if (slot == EXT_LOOP_WAITERS_MAX) return NULL;
    waiter = mem_zalloc(MEM_PLUGIN, sizeof *waiter);
    if (waiter == NULL) return NULL;
    waiter->ext = ext;
    waiter->id = next_id(ext, slot);
    return waiter;
}

/* The handle is initialised: from here on waiter_end() undoes it. */
static void waiter_keep(struct waiter *waiter)
{
    waiter->handle.any.data = waiter;
    waiter->ext->slots[slot_of(waiter->id)] = waiter;
    waiter->ext->n_handles++;
}

/* ---- timers --------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    struct waiter *waiter = timer->data;

    *waiter->ext->now_ms = clock_unix_ms();
    waiter->fire(waiter->arg);
    if (waiter->id != 0 && uv_timer_get_repeat(timer) == 0) waiter_end(waiter);
}

uint64_t ext_loop_timer(struct ext_loop *ext, uint32_t first_ms, uint32_t repeat_ms,
                        void (*fire)(void *arg), void *arg)
{
    struct waiter *waiter = ext->closed ? NULL : waiter_new(ext);

    if (waiter == NULL) return 0;
    waiter->fire = fire;
    waiter->arg = arg;
    uv_timer_init(ext->uv, &waiter->handle.timer);
    waiter_keep(waiter);
    uv_update_time(ext->uv); /* from now on, not from when this turn began */
    uv_timer_start(&waiter->handle.timer, on_timer, first_ms, repeat_ms);
    return waiter->id;
}

/* ---- watches -------------------------------------------------------------------------------- */

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct waiter *waiter = poll->data;
    uint64_t id = waiter->id;

    *waiter->ext->now_ms = clock_unix_ms();
    /* An error is for the plugin to find: its next read or write on the socket tells. */
    if (status != 0) events = waiter->events;
    waiter->n_errors = status != 0 ? waiter->n_errors + 1 : 0;
    waiter->ready(waiter->arg, waiter->fd, events & UV_READABLE, events & UV_WRITABLE);
    /* libuv has stopped a watch with an error.  Go on, unless the plugin ended or replaced it. */
    if (status != 0 && waiter->id == id && waiter->n_errors < WATCH_ERRORS_MAX)
        uv_poll_start(poll, waiter->events, on_ready);
}

static struct waiter *watch_of(struct ext_loop *ext, int fd)
{
    for (uint32_t i = 0; i < EXT_LOOP_WAITERS_MAX; i++) {
        struct waiter *waiter = ext->slots[i];
        if (waiter != NULL && waiter->is_watch && waiter->fd == fd) return waiter;
    }
    return NULL;
}

uint64_t ext_loop_watch(struct ext_loop *ext, int fd, bool readable, bool writable,
                        void (*ready)(void *arg, int fd, bool readable, bool writable), void *arg)
{
    struct waiter *waiter = watch_of(ext, fd);

    if (ext->closed || fd < 0) return 0;
    if (waiter != NULL) {
        waiter->id = next_id(ext, slot_of(waiter->id));
    } else {
        waiter = waiter_new(ext);
        if (waiter == NULL) return 0;
        if (uv_poll_init(ext->uv, &waiter->handle.poll, fd) != 0) {
            mem_free(MEM_PLUGIN, waiter); /* not a socket, not open, or somebody else's */
            return 0;
        }
        waiter->is_watch = true;
        waiter->fd = fd;
        waiter_keep(waiter);
    }
    waiter->ready = ready;
    waiter->arg = arg;
    waiter->n_errors = 0;
    waiter->events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
    if (waiter->events == 0) { /* nothing to wait for, for now: it keeps its id */
        uv_poll_stop(&waiter->handle.poll);
    } else if (uv_poll_start(&waiter->handle.poll, waiter->events, on_ready) != 0) {
        waiter_end(waiter);
        return 0;
    }
    return waiter->id;
}

/* ---- all of it ------------------------------------------------------------------------------ */

void ext_loop_cancel(struct ext_loop *ext, uint64_t id)
{
    struct waiter *waiter = ext->slots[slot_of(id)];

    if (id != 0 && waiter != NULL && waiter->id == id) waiter_end(waiter);
}

uint32_t ext_loop_count(const struct ext_loop *ext)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < EXT_LOOP_WAITERS_MAX; i++) n += ext->slots[i] != NULL;
    return n;
}

int ext_loop_open(uv_loop_t *uv, uint64_t *now_ms, struct ext_loop **ret, struct error *error)
{
    struct ext_loop *ext = mem_zalloc(MEM_PLUGIN, sizeof *ext);
    int rc;

    if (ext == NULL) return error_set(error, LOOM_E_NOMEM, "no memory for a plugin's timers");
    ext->uv = uv;
    ext->now_ms = now_ms;
    ext->posts_tail = &ext->posts;
    rc = uv_async_init(uv, &ext->wake, on_wake);
    if (rc != 0) {
        mem_free(MEM_PLUGIN, ext);
        return error_set(error, LOOM_E_IO, "no wake-up for a plugin: %s", uv_strerror(rc));
    }
    pthread_mutex_init(&ext->lock, NULL);
    ext->wake.data = ext;
    ext->n_handles = 1;
    *ret = ext;
    return 0;
}

static void on_wake_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void ext_loop_close(struct ext_loop *ext)
{
    struct post *post, *next;

    if (ext == NULL) return;
    ext->closed = true;
    for (post = take_posts(ext); post != NULL; post = next) {
        next = post->next;
        mem_free(MEM_PLUGIN, post);
    }
    for (uint32_t i = 0; i < EXT_LOOP_WAITERS_MAX; i++)
        if (ext->slots[i] != NULL) waiter_end(ext->slots[i]);
    uv_close((uv_handle_t *)&ext->wake, on_wake_closed);
}
