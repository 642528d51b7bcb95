/* app/font.h - the bitmap font. */
#ifndef PS_APP_FONT_H
#define PS_APP_FONT_H

#include <stdint.h>

enum { PS_FONT_W = 8, PS_FONT_H = 16, PS_FONT_FIRST = 32, PS_FONT_COUNT = 95 };
extern const uint8_t ps_font[PS_FONT_COUNT][PS_FONT_H];

#endif
