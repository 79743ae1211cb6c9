/* ext_loop.h - the host side of "loom.draft.loop/1": a plugin's timers, watches and posts.
 *
 * One per plugin instance, so that what an instance may hold is bounded and goes with it.  Ids are
 * never used twice.  Nothing is called back once it has been cancelled, or after ext_loop_close().
 *
 * Thread: [control], but for ext_loop_post().
 */
#ifndef CORE_SERVER_EXT_LOOP_H
#define CORE_SERVER_EXT_LOOP_H

#include <loomcache/loop.h>
#include <uv.h>

#include "core/base/error.h"

#define EXT_LOOP_WAITERS_MAX 256 /* timers and watches */
#define EXT_LOOP_POSTS_MAX 1024  /* waiting to be run */

struct ext_loop;

/* ext_loop_open - now_ms is brought up to date before every callback. */
int ext_loop_open(uv_loop_t *uv, uint64_t *now_ms, struct ext_loop **ret, struct error *error);
/* ext_loop_close - after the plugin's fini(), when none of its threads posts any more.  Memory goes
 * with the last handle, in the loop's next turns.  NULL is fine. */
void ext_loop_close(struct ext_loop *ext);

/* As struct loom_loop has them. */
uint64_t ext_loop_timer(struct ext_loop *ext, uint32_t first_ms, uint32_t repeat_ms,
                        void (*fire)(void *arg), void *arg);
uint64_t ext_loop_watch(struct ext_loop *ext, int fd, bool readable, bool writable,
                        void (*ready)(void *arg, int fd, bool readable, bool writable), void *arg);
void ext_loop_cancel(struct ext_loop *ext, uint64_t id);
int ext_loop_post(struct ext_loop *ext, void (*run)(void *arg), void *arg); /* [any-thread] */

uint32_t ext_loop_count(const struct ext_loop *ext); /* timers and watches alive */

#endif
