// SPDX-License-Identifier: Apache-2.0
#include "supervisor/status_values.h"

#include <math.h>
#include <time.h>

json_t *status_real(double value, double step)
{
    return json_real(round(value / step) * step);
}

json_t *status_milliseconds(int64_t ns)
{
    return status_real((double)ns / 1e6, 0.001);
}

json_t *status_seconds(int64_t ns)
{
    return status_real((double)ns / 1e9, 0.001);
}

json_t *status_count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *status_text_or_null(const char *text)
{
    return text[0] != '\0' ? json_text(text) : json_null();
}

json_t *status_letter(uint32_t path)
{
    return path < SWITCH_PATHS_MAX ? json_sprintf("%c", path_letter(path)) : json_null();
}

json_t *status_time_of_day(const struct status_snapshot *s, int64_t at_ns)
{
    char text[32];
    struct tm tm;
    int64_t utc_ns = at_ns + s->utc->offset_ns;
    time_t utc_s = (time_t)(utc_ns / CASTOR_NS_PER_S);

    if (!s->utc->known || utc_ns < 0 || !gmtime_r(&utc_s, &tm) ||
        strftime(text, sizeof text, "%FT%T", &tm) == 0)
        return json_null();
    return json_sprintf("%s.%03dZ", text, (int)(utc_ns % CASTOR_NS_PER_S / CASTOR_NS_PER_MS));
}

json_t *status_per_frame(uint64_t total, uint64_t frames)
{
    return frames > 0 ? status_real((double)total / (double)frames, 0.001) : json_null();
}

const char *status_name_of(const char *const *names, size_t names_count, uint32_t index)
{
    return index < names_count && names[index] ? names[index] : "unknown";
}

json_t *status_worker(const struct status_snapshot *s, const struct worker *w)
{
    static const char *const phases[] = {
        [RESTART_IDLE] = "idle",
        [RESTART_RUNNING] = "running",
        [RESTART_WAITING] = "waiting",
        [RESTART_GIVEN_UP] = "given_up",
    };
    uint32_t restarts = w->restart.starts > 0 ? w->restart.starts - 1 : 0;

    return json_pack("{s:i, s:s, s:b, s:i, s:o, s:o}", "pid", (int)w->pid, "state",
                     w->pid > 0 ? "running" : STATUS_NAME(phases, w->restart.phase), "ready",
                     w->pid > 0 && w->ready, "restarts", (int)restarts, "ended",
                     w->ended_ns > 0 ? status_time_of_day(s, w->ended_ns) : json_null(), "failure",
                     status_text_or_null(w->failure[0] != '\0' ? w->failure : w->last_failure));
}
