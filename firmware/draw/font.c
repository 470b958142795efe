// SPDX-License-Identifier: Apache-2.0
#include "draw/font_face.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    const char *family;
    const char *file;
} families[] = {{"sans-bold", CASTOR_FONT_DIR "/DejaVuSans-Bold.ttf"},
                {"sans", CASTOR_FONT_DIR "/DejaVuSans.ttf"},
                {"mono", CASTOR_FONT_DIR "/DejaVuSansMono.ttf"},
                {"mono-bold", CASTOR_FONT_DIR "/DejaVuSansMono-Bold.ttf"}};

static const char *file_of(const char *name)
{
    if (name[0] == '/')
        return name;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (strcmp(name[0] ? name : families[0].family, families[i].family) == 0)
            return families[i].file;
    return NULL;
}

// The face of a regular file: a pipe would never open.
static int open_face(struct font *font, const char *name, const char *file, struct draw_reason *why)
{
    struct stat status;
    FT_Error error;

    if (stat(file, &status) != 0)
        return draw_reason_set(why, CASTOR_ERR_NOT_FOUND, "font \"%s\": there is no %s%s", name, file,
                               name[0] == '/' ? "" : "; install fonts-dejavu-core or name a font file");
    if (!S_ISREG(status.st_mode))
        return draw_reason_set(why, CASTOR_ERR_INVALID, "font \"%s\": not a file", name);
    error = FT_New_Face(font->library, file, 0, &font->face);
    if (error == FT_Err_Unknown_File_Format || (!error && !FT_IS_SCALABLE(font->face)))
        return draw_reason_set(why, CASTOR_ERR_INVALID, "font \"%s\": not an outline font", name);
    if (!error)
        error = FT_Select_Charmap(font->face, FT_ENCODING_UNICODE);
    if (!error)
        error = FT_Set_Pixel_Sizes(font->face, 0, font->size_px);
    if (error)
        return draw_reason_set(why, CASTOR_ERR_INVALID, "font \"%s\" cannot be used (FreeType's error %d)",
                               name, error);
    return CASTOR_OK;
}

int font_open(const char *name, uint32_t size_px, struct font **out, struct draw_reason *why)
{
    const char *file = file_of(name);
    struct font *font;
    int error;

    if (!file)
        return draw_reason_set(why, CASTOR_ERR_NOT_FOUND,
                               "font \"%s\": name a file (/...) or sans, sans-bold, mono, mono-bold", name);
    if (size_px < FONT_SIZE_MIN_PX || size_px > FONT_SIZE_MAX_PX)
        return draw_reason_set(why, CASTOR_ERR_INVALID, "a font of %u pixels: %d to %d are possible", size_px,
                               FONT_SIZE_MIN_PX, FONT_SIZE_MAX_PX);
    font = calloc(1, sizeof *font);
    if (!font || FT_Init_FreeType(&font->library)) {
        free(font);
        return draw_reason_set(why, CASTOR_ERR_NO_MEMORY, "no memory for FreeType");
    }
    font->size_px = size_px;
    error = open_face(font, name[0] ? name : families[0].family, file, why);
    if (error) {
        font_close(font);
        return error;
    }
    *out = font;
    return CASTOR_OK;
}

void font_close(struct font *font)
{
    if (!font)
        return;
    FT_Done_FreeType(font->library); // and its faces
    free(font);
}
