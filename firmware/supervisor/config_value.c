// SPDX-License-Identifier: Apache-2.0
#include "supervisor/config_value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// The message that carries a rate refuses larger parts.
#define RATE_NUM_MAX 240000u
#define RATE_DEN_MAX 100000u

int config_value_refuse(const struct config_check *check, const char *format, ...)
{
    va_list args;

    snprintf(check->error->path, sizeof check->error->path, "%s", check->path);
    va_start(args, format);
    vsnprintf(check->error->text, sizeof check->error->text, format, args);
    va_end(args);
    return CASTOR_ERR_INVALID;
}

// What a value is, for "must be …, but is …".
static const char *describe(const json_t *value, bool secret, char *out, size_t size)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        if (secret)
            return "a string";
        snprintf(out, size, "the string \"%.40s\"", json_string_value(value));
        return out;
    case JSON_INTEGER:
        snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return secret ? "a number" : out;
    case JSON_REAL:
        snprintf(out, size, "%g", json_real_value(value));
        return secret ? "a number" : out;
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "null";
    }
}

static void list_words(const char *const *words, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (; *words && at < size; words++)
        at += (size_t)snprintf(out + at, size - at, "\"%s\"%s", *words,
                               !words[1]  ? ""
                               : words[2] ? ", "
                                          : " or ");
}

int config_value_wrong(const struct config_check *check, const struct config_field *field, const char *wanted,
                       const json_t *value)
{
    char is[64];

    return config_value_refuse(check, "must be %s, but is %s", wanted,
                               describe(value, field->secret, is, sizeof is));
}

static void store(const struct config_field *field, void *base, uint32_t value)
{
    void *at = config_field_at(field, base);

    if (field->size == sizeof(bool))
        *(bool *)at = value != 0;
    else if (field->size == sizeof value)
        memcpy(at, &value, sizeof value);
}

static int check_text(struct config_check *check, const struct config_field *field, const json_t *value,
                      void *base)
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);

    if (!json_is_string(value))
        return config_value_wrong(check, field, "a string", value);
    if (length > field->max || (length < field->min && (length > 0 || field->required)))
        return config_value_refuse(check, "must have %u to %u bytes%s, but has %zu", field->min, field->max,
                                   field->required ? "" : " or be empty", length);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return config_value_refuse(check, "must not contain control characters; there is one at byte %zu",
                                       i + 1);
    if (field->size > 0)
        snprintf(config_field_at(field, base), field->size, "%s", text);
    return CASTOR_OK;
}

// WORD and CHOICE.
static int check_words(struct config_check *check, const struct config_field *field, const json_t *value,
                       void *base)
{
    char words[160], wanted[192];

    for (uint32_t i = 0; json_is_string(value) && field->words[i]; i++) {
        if (strcmp(field->words[i], json_string_value(value)) != 0)
            continue;
        if (field->kind == CONFIG_KIND_WORD)
            snprintf(config_field_at(field, base), field->size, "%s", field->words[i]);
        else
            store(field, base, i);
        return CASTOR_OK;
    }
    list_words(field->words, words, sizeof words);
    snprintf(wanted, sizeof wanted, "%s%s", field->words[1] ? "one of " : "", words);
    return config_value_wrong(check, field, wanted, value);
}

// A whole number, however it is written (4000 or 4e3).
static bool whole_number(const json_t *value, double *out)
{
    if (!json_is_number(value))
        return false;
    *out = json_number_value(value);
    return *out == floor(*out);
}

static int check_number(struct config_check *check, const struct config_field *field, const json_t *value,
                        void *base)
{
    char wanted[128];
    double number = 0;

    const bool either = field->step > 1 && field->min + field->step == field->max; // nothing between the two
    snprintf(wanted, sizeof wanted, "%s%s%u %s %u%s%s%s", field->zero ? "0 or " : "",
             either ? "" : "a whole number from ", field->min, either ? "or" : "to", field->max,
             field->step > 1 && !either ? " that is even" : "", field->unit ? ", in " : "",
             field->unit ? field->unit : "");
    if (!whole_number(value, &number))
        return config_value_wrong(check, field, wanted, value);
    bool fits = number >= field->min && number <= field->max && (uint32_t)number % field->step == 0;
    if (!fits && !(field->zero && number == 0))
        return config_value_wrong(check, field, wanted, value);
    store(field, base, (uint32_t)number * field->scale);
    return CASTOR_OK;
}

// Whole or in steps of 1/scale, however it is written.
static int check_signed(struct config_check *check, const struct config_field *field, const json_t *value,
                        void *base)
{
    double number = json_is_number(value) ? json_number_value(value) : NAN;
    double steps = number * field->scale;
    char wanted[128];

    snprintf(wanted, sizeof wanted, "%s from %d to %d%s%s%s",
             field->scale > 1 ? "a number" : "a whole number", field->low, field->high,
             field->unit ? ", in " : "", field->unit ? field->unit : "",
             field->scale == 10 ? ", with one decimal place at most" : "");
    if (!(number >= field->low && number <= field->high) || fabs(steps - round(steps)) > 1e-6)
        return config_value_wrong(check, field, wanted, value);
    int32_t stored = (int32_t)lround(steps);
    memcpy(config_field_at(field, base), &stored, sizeof stored);
    return CASTOR_OK;
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// 29.97 is short for 30000/1001, and so on.
static struct castor_rational rate_of(double number)
{
    double whole = ceil(number);

    if (number != whole && fabs(number - whole * 1000 / 1001) < 0.005)
        return (struct castor_rational){(uint32_t)whole * 1000, 1001};
    uint32_t num = (uint32_t)lround(number * 1000);
    uint32_t divisor = common_divisor(num, 1000);
    return (struct castor_rational){num / divisor, 1000 / divisor};
}

static bool rate_from_text(const char *text, struct castor_rational *out)
{
    unsigned num, den;
    int used = 0;

    if (strspn(text, "0123456789/") != strlen(text) || sscanf(text, "%6u/%6u%n", &num, &den, &used) != 2 ||
        text[used] != '\0' || den == 0 || num > RATE_NUM_MAX || den > RATE_DEN_MAX)
        return false;
    *out = (struct castor_rational){num, den};
    return true;
}

static int check_rate(struct config_check *check, const struct config_field *field, const json_t *value,
                      void *base)
{
    struct castor_rational rate = {0, 0};
    bool fits = false;
    char wanted[96];

    if (json_is_number(value)) {
        double number = json_number_value(value);
        fits = number >= field->min && number <= field->max;
        if (fits)
            rate = rate_of(number);
        fits = fits || number == 0;
    } else if (json_is_string(value)) {
        fits = rate_from_text(json_string_value(value), &rate) &&
               rate.num >= (uint64_t)field->min * rate.den && rate.num <= (uint64_t)field->max * rate.den;
    }
    snprintf(wanted, sizeof wanted,
             "0, a number from %u to %u, or a fraction like \"30000/1001\" in that range", field->min,
             field->max);
    if (!fits)
        return config_value_wrong(check, field, wanted, value);
    memcpy(config_field_at(field, base), &rate, sizeof rate);
    return CASTOR_OK;
}

int config_value_take(struct config_check *check, const struct config_field *field, const json_t *value,
                      void *base)
{
    switch (field->kind) {
    case CONFIG_KIND_TEXT:
        return check_text(check, field, value, base);
    case CONFIG_KIND_WORD:
    case CONFIG_KIND_CHOICE:
        return check_words(check, field, value, base);
    case CONFIG_KIND_NUMBER:
        return check_number(check, field, value, base);
    case CONFIG_KIND_SIGNED:
        return check_signed(check, field, value, base);
    case CONFIG_KIND_RATE:
        return check_rate(check, field, value, base);
    case CONFIG_KIND_BOOL:
        if (!json_is_boolean(value))
            return config_value_wrong(check, field, "true or false", value);
        store(field, base, json_is_true(value));
        return CASTOR_OK;
    case CONFIG_KIND_OBJECT:
    case CONFIG_KIND_ARRAY:
        break;
    }
    return CASTOR_ERR_INTERNAL;
}
