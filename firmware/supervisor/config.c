// SPDX-License-Identifier: Apache-2.0
// Reads a configuration: every value is checked against the table of config_schema.c, then all together
// against the rules of config_rules.c.
#include "supervisor/config.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_rules.h"
#include "supervisor/config_schema.h"

// The message that carries a rate refuses larger parts.
#define RATE_NUM_MAX 240000u
#define RATE_DEN_MAX 100000u

// Where the check is in the document.
struct check {
    char path[sizeof((struct config_error *)0)->path];
    struct config_error *error;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct check *check, const char *format, ...)
{
    va_list args;

    snprintf(check->error->path, sizeof check->error->path, "%s", check->path);
    va_start(args, format);
    vsnprintf(check->error->text, sizeof check->error->text, format, args);
    va_end(args);
    return CASTOR_ERR_INVALID;
}

// Goes one step down (RFC 6901: "~" and "/" in keys are escaped). Returns where to go back to.
static size_t enter(struct check *check, const char *key)
{
    size_t mark = strlen(check->path);
    size_t at = mark;

    if (at + 1 < sizeof check->path)
        check->path[at++] = '/';
    for (; *key && at + 2 < sizeof check->path; key++) {
        if (*key == '~' || *key == '/') {
            check->path[at++] = '~';
            check->path[at++] = *key == '~' ? '0' : '1';
        } else {
            check->path[at++] = *key;
        }
    }
    check->path[at] = '\0';
    return mark;
}

static void leave(struct check *check, size_t mark)
{
    check->path[mark] = '\0';
}

// ---- words for messages ----

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

static void list_keys(const struct config_group *group, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (const struct config_field *field = group->fields; field->key && at < size; field++)
        if (field->key[0] != '$')
            at += (size_t)snprintf(out + at, size - at, "%s%s", at ? ", " : "", field->key);
}

// The known key that is nearest to a mistyped one, or NULL when none is near.
static const char *nearest_key(const struct config_group *group, const char *key)
{
    const char *best = NULL;
    unsigned best_distance = 0;

    for (const struct config_field *field = group->fields; field->key; field++) {
        unsigned distance = config_word_distance(field->key, key);
        if (!best || distance < best_distance) {
            best = field->key;
            best_distance = distance;
        }
    }
    return best && best_distance <= 1 + strlen(best) / 3 ? best : NULL;
}

static int wrong_type(const struct check *check, const struct config_field *field, const char *wanted,
                      const json_t *value)
{
    char is[64];

    return refuse(check, "must be %s, but is %s", wanted, describe(value, field->secret, is, sizeof is));
}

// ---- values ----

static void store(const struct config_field *field, void *base, uint32_t value)
{
    void *at = config_field_at(field, base);

    if (field->size == sizeof(bool))
        *(bool *)at = value != 0;
    else if (field->size == sizeof value)
        memcpy(at, &value, sizeof value);
}

static int check_text(struct check *check, const struct config_field *field, const json_t *value, void *base)
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);

    if (!json_is_string(value))
        return wrong_type(check, field, "a string", value);
    if (length > field->max || (length < field->min && (length > 0 || field->required)))
        return refuse(check, "must have %u to %u bytes%s, but has %zu", field->min, field->max,
                      field->required ? "" : " or be empty", length);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return refuse(check, "must not contain control characters; there is one at byte %zu", i + 1);
    if (field->size > 0)
        snprintf(config_field_at(field, base), field->size, "%s", text);
    return CASTOR_OK;
}

// WORD and CHOICE.
static int check_words(struct check *check, const struct config_field *field, const json_t *value, void *base)
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
    return wrong_type(check, field, wanted, value);
}

// A whole number, however it is written (4000 or 4e3).
static bool whole_number(const json_t *value, double *out)
{
    if (!json_is_number(value))
        return false;
    *out = json_number_value(value);
    return *out == floor(*out);
}

static int check_number(struct check *check, const struct config_field *field, const json_t *value,
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
        return wrong_type(check, field, wanted, value);
    bool fits = number >= field->min && number <= field->max && (uint32_t)number % field->step == 0;
    if (!fits && !(field->zero && number == 0))
        return wrong_type(check, field, wanted, value);
    store(field, base, (uint32_t)number * field->scale);
    return CASTOR_OK;
}

// Whole or in steps of 1/scale, however it is written.
static int check_signed(struct check *check, const struct config_field *field, const json_t *value,
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
        return wrong_type(check, field, wanted, value);
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

static int check_rate(struct check *check, const struct config_field *field, const json_t *value, void *base)
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
        return wrong_type(check, field, wanted, value);
    memcpy(config_field_at(field, base), &rate, sizeof rate);
    return CASTOR_OK;
}

// ---- structure ----

static int check_group(struct check *check, const struct config_group *group, json_t *value, void *base);

static int check_array(struct check *check, const struct config_field *field, json_t *value, void *base)
{
    size_t count = json_array_size(value);
    char index[24];

    if (!json_is_array(value))
        return wrong_type(check, field, "a list", value);
    if (count < field->min || count > field->max)
        return refuse(check, "must have %u to %u entries, but has %zu", field->min, field->max, count);
    for (size_t i = 0; i < count; i++) {
        snprintf(index, sizeof index, "%zu", i);
        size_t mark = enter(check, index);
        int error = check_group(check, field->group, json_array_get(value, i),
                                (char *)config_field_at(field, base) + i * field->stride);
        if (error != CASTOR_OK)
            return error;
        leave(check, mark);
    }
    uint32_t stored = (uint32_t)count;
    memcpy((char *)base + field->count_offset, &stored, sizeof stored);
    return CASTOR_OK;
}

static int check_field(struct check *check, const struct config_field *field, json_t *value, void *base)
{
    switch (field->kind) {
    case CONFIG_KIND_OBJECT:
        return check_group(check, field->group, value, config_field_at(field, base));
    case CONFIG_KIND_ARRAY:
        return check_array(check, field, value, base);
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
            return wrong_type(check, field, "true or false", value);
        store(field, base, json_is_true(value));
        return CASTOR_OK;
    }
    return CASTOR_ERR_INTERNAL;
}

int config_field_take(const struct config_field *field, void *value, const char *path, void *base,
                      struct config_error *error)
{
    struct check check = {.error = error};

    snprintf(check.path, sizeof check.path, "%s", path);
    return check_field(&check, field, value, base);
}

// The default of an absent key, as if it had been written.
static json_t *default_of(const struct config_field *field)
{
    switch (field->kind) {
    case CONFIG_KIND_OBJECT:
        return json_object();
    case CONFIG_KIND_BOOL:
        return json_false();
    case CONFIG_KIND_NUMBER:
    case CONFIG_KIND_SIGNED:
    case CONFIG_KIND_RATE:
    case CONFIG_KIND_ARRAY:
        return json_loads(field->standard, JSON_DECODE_ANY, NULL);
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_WORD:
    case CONFIG_KIND_CHOICE:
        return json_string(field->standard ? field->standard : "");
    }
    return NULL;
}

static int check_keys(struct check *check, const struct config_group *group, json_t *object)
{
    const char *key;
    json_t *value;
    char keys[256];

    json_object_foreach(object, key, value) {
        const struct config_field *field = group->fields;
        while (field->key && strcmp(field->key, key) != 0)
            field++;
        if (field->key)
            continue;
        const char *near = nearest_key(group, key);
        (void)enter(check, key);
        if (near)
            return refuse(check, "is not a known key; perhaps \"%s\" is meant", near);
        list_keys(group, keys, sizeof keys);
        return refuse(check, "is not a known key; known here are %s", keys);
    }
    return CASTOR_OK;
}

static int check_group(struct check *check, const struct config_group *group, json_t *value, void *base)
{
    const struct config_field any = {.key = ""};

    if (!json_is_object(value))
        return wrong_type(check, &any, "an object {…}", value);
    int error = check_keys(check, group, value);
    for (const struct config_field *field = group->fields; field->key && error == CASTOR_OK; field++) {
        json_t *given = json_object_get(value, field->key);
        json_t *used = given ? json_incref(given) : default_of(field);
        size_t mark = enter(check, field->key);
        if (!given && field->required)
            error = refuse(check, "is missing; it is required");
        else
            error = used ? check_field(check, field, used, base) : CASTOR_ERR_NO_MEMORY;
        json_decref(used);
        if (error == CASTOR_OK)
            leave(check, mark);
    }
    return error;
}

int config_check_group(const struct config_group *group, struct json_t *object, const char *path, void *base,
                       struct config_error *error)
{
    struct check check = {.error = error};

    snprintf(check.path, sizeof check.path, "%s", path);
    return check_group(&check, group, object, base);
}

// ---- documents ----

static int syntax_error(const json_error_t *json, struct config_error *error)
{
    error->path[0] = '\0';
    // The parser's own text may quote the document, and with it a secret: only a duplicate's key is named.
    if (json_error_code(json) == json_error_duplicate_key)
        snprintf(error->text, sizeof error->text,
                 "line %d, column %d: a key stands twice in the same object; remove one", json->line,
                 json->column);
    else
        snprintf(error->text, sizeof error->text,
                 "is not a JSON document: line %d, column %d is where it stops to be one (%s)", json->line,
                 json->column,
                 json_error_code(json) == json_error_premature_end_of_input ? "it ends too early"
                 : json_error_code(json) == json_error_invalid_utf8         ? "not UTF-8"
                 : json_error_code(json) == json_error_numeric_overflow
                     ? "a number is too large"
                     : "a comma, quote or bracket is wrong");
    return CASTOR_ERR_INVALID;
}

int config_parse(const char *json, size_t size_bytes, struct config *out, struct config_error *error)
{
    struct check check = {.path = "", .error = error};
    json_error_t json_error;

    memset(error, 0, sizeof *error);
    json_t *document = json_loadb(json, size_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &json_error);
    if (!document)
        return syntax_error(&json_error, error);
    struct config *config = calloc(1, sizeof *config);
    int result = config ? check_group(&check, &config_root, document, config) : CASTOR_ERR_NO_MEMORY;
    if (result == CASTOR_OK)
        result = config_rules_check(config, error);
    if (result == CASTOR_OK)
        *out = *config;
    if (result == CASTOR_ERR_NO_MEMORY) {
        snprintf(error->text, sizeof error->text, "no memory for checking it; nothing was changed");
        result = CASTOR_ERR_INVALID;
    }
    if (config)
        explicit_bzero(config, sizeof *config);
    free(config);
    json_decref(document);
    return result;
}
