/* guest.h - a node-wide plugin instance under this roof: it, and what of the host it uses.
 *
 * Serves the host extensions: "loom.draft.loop/1" (ext_loop.h) and "loom.draft.http/1" (httpd.h).
 * Thread: [control], but for loop's post().
 */
#ifndef CORE_SERVER_GUEST_H
#define CORE_SERVER_GUEST_H

#include "core/plugin/host.h"
#include "core/server/ext_loop.h"
#include "core/server/httpd.h"

struct guest {
    struct plugin_instance *instance; /* NULL: empty */
    struct ext_loop *loop;
    struct httpd *httpd;
};

/* What a guest finds when it comes in. */
struct guest_house {
    uv_loop_t *uv;
    struct httpd *httpd;
    uint64_t *now_ms; /* brought up to date before every callback */
};

/* guest_open - an instance with its options.  Its init() is for the caller, who knows its kind.
 * guest does not move until guest_close(). */
int guest_open(struct guest *guest, const struct guest_house *house, const struct plugin *plugin,
               const struct option_setting *settings, size_t n_settings, struct error *error);
/* guest_failed - init() returned code: put the plugin's sentence into error, take everything away,
 * return a negative code. */
int guest_failed(struct guest *guest, int code, struct error *error);
/* guest_close - after fini().  An empty guest is fine. */
void guest_close(struct guest *guest);

#endif
