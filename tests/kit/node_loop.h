/* node_loop.h - inside the kit: the loop extension of struct node_host (see node_host.h). */
#ifndef TESTS_KIT_NODE_LOOP_H
#define TESTS_KIT_NODE_LOOP_H

#include "tests/kit/node_host.h"

extern const struct loom_loop node_loop;

void node_die(const char *format, ...) LOOM_PRINTF(1, 2) __attribute__((noreturn));
bool node_must_fail(struct node_host *h);
static inline struct node_host *node_host_of(const struct loom_host *host)
{
    return (struct node_host *)(uintptr_t)host;
}

void node_loop_init(struct node_host *h);
void node_loop_check_empty(const struct node_host *h);

#endif
