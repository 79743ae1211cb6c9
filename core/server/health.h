/* health.h - is this process alive, does it serve?  Three paths, JSON for people and for probes.
 *
 *   /health  200 {"status":"ok","node":"n1","version":"1.0.0","uptime_seconds":12,"reasons":[]}
 *            503 with "status":"stopping", or "starting"
 *   /livez   200 as long as the process answers: failing it means "restart me"
 *   /readyz  503 while starting or stopping: "send no clients"
 *
 * reasons says in sentences what is not as it should be, also while the status is ok (writes are
 * refused because of memory: a restart would not help).
 */
#ifndef CORE_SERVER_HEALTH_H
#define CORE_SERVER_HEALTH_H

#include <loomcache/http.h>

#include "core/base/bytes.h"
#include "core/server/server.h"

#define HEALTH_CONTENT_TYPE "application/json"
#define HEALTH_BODY_BYTES 2048 /* a body is never longer */

/* health_render - the body for a path (without query), and its HTTP status; 404, and a body that
 * says so, for a path that is none of the three.  Returns 0, or what the sink refused with;
 * *ret_status is then untouched.  Thread: [any-thread]; reads atomics only, allocates nothing. */
int health_render(const struct server *server, struct slice path, const struct loom_sink *out,
                  int *ret_status);

#endif
