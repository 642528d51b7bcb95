/* app/embedded.h - the network that is part of the command, for whoever has none. */
#ifndef PS_APP_EMBEDDED_H
#define PS_APP_EMBEDDED_H

#include "app/args.h"

/* The word for it, wherever a model is expected. */
#define PS_DEFAULT_MODEL "default"

/* Makes the word mean it (runtime/file.h); once, in the beginning.  Nothing where the command was built without. */
void ps_embedded_begin(void);

/* Whether the words of predict begin with a picture, a pattern or a directory, so that the model is left to us.  A single word
 * does, unless it is the name of a network. */
bool ps_embedded_is_meant(const ps_texts *words);

#endif
