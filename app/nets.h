/* app/nets.h - one network in the shapes that pictures need. */
#ifndef PS_APP_NETS_H
#define PS_APP_NETS_H

#include "app/cli.h"
#include "models/detector.h"

enum { PS_MAX_NETS = 4 };

typedef struct ps_net {
    int32_t h, w;
    poise_model *model;
    poise_session *session;
    ps_detector *detector;
    unsigned used; /* when it was used last */
} ps_net;

/* The network in its own size, net[0], and with --rect, where its file allows it, in rectangles that leave out most of the
 * border: as wide and high as the picture becomes, rounded up to cells.  At most PS_MAX_NETS are open, and with --max-mem
 * as many as fit; the one that was not used for longest is closed for another.  net[0] is never that one. */
typedef struct ps_nets {
    const ps_args *args;
    bool rect;
    bool lean; /* set by the caller: net[0] is closed for one of the first picture's shape, where no limit was checked for both */
    ps_net net[PS_MAX_NETS];
    int n;
    unsigned clock;
    int32_t side, cell; /* the square and its largest cell */
    ps_fit fit;
    void *converted; /* NULL = they are in a .poise file; for other shapes */
    size_t size;     /* of it */
} ps_nets;

/* Opens the network of the command line in its own size. */
poise_status ps_nets_open(ps_nets *n, const ps_args *a);
/* The detector for a picture of w x h pixels, which may close others.  Where its shape cannot be had, that of net[0].  NULL only
 * where net[0] was closed and nothing can be opened any more: poise_error_text() says why. */
ps_detector *ps_nets_for(ps_nets *n, int32_t w, int32_t h);
void ps_nets_close(ps_nets *n);

#endif
