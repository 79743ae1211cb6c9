/* healthcheck.h - asks a running node from outside whether it lives: `loomcache --healthcheck`.
 *
 * An image without a shell or curl can so probe itself.  What the node answers is health.h. */
#ifndef CORE_SERVER_HEALTHCHECK_H
#define CORE_SERVER_HEALTHCHECK_H

#include <stdint.h>

#include "core/base/error.h"

#define HEALTHCHECK_MS 2000 /* for everything: connect, ask, answer */

/* healthcheck_ask - GET /livez on the addresses of a bind list (see config_addresses(); any address
 * is asked on loopback), until one answers 200.  0: one did.  Otherwise LOOM_E_IO with a sentence,
 * or LOOM_E_CONFIG: the port is 0.  Blocks, at most HEALTHCHECK_MS. */
int healthcheck_ask(const char *bind, uint32_t port, struct error *error);

#endif
