/* recipes/lease_document.c - see lease_document.h. */
#include "recipes/lease_document.h"

#include <jansson.h>
#include <stdio.h>

enum { DAYS_OF_400_YEARS = 146097, LEASE_VERSION = 1 };

/* Years begin in March here: so the leap day is the last of its year, and the days before a month are a line. */
static int64_t days_before(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year % 400;
    int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

    return era * DAYS_OF_400_YEARS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day)
{
    days += 719468;
    int64_t era = days / DAYS_OF_400_YEARS, of_era = days % DAYS_OF_400_YEARS;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;

    *ret_day = of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = era * 400 + year + (*ret_month <= 2);
}

/* @count digits, as a number within bounds; -1: they are not. */
static int64_t read_digits(const char *text, int count, int64_t low, int64_t high)
{
    int64_t number = 0;

    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        number = 10 * number + (text[i] - '0');
    }
    return number < low || number > high ? -1 : number;
}

static bool read_time(const char *text, int64_t *ret_ms)
{
    if (strlen(text) != 19 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') return false;
    int64_t year = read_digits(text, 4, 1, 9999), month = read_digits(text + 5, 2, 1, 12), day = read_digits(text + 8, 2, 1, 31);
    int64_t hour = read_digits(text + 11, 2, 0, 23), minute = read_digits(text + 14, 2, 0, 59), second = read_digits(text + 17, 2, 0, 59);
    if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return false;
    *ret_ms = (((days_before(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000;
    return true;
}

enum lease_document docent_lease_read(const void *data, size_t size, const char *id, int64_t *ret_end_ms)
{
    json_t *document = data == NULL ? NULL : json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *version = json_object_get(document, "version");
    const char *holder = json_string_value(json_object_get(document, "holder"));
    const char *end = json_string_value(json_object_get(document, "end"));
    enum lease_document answer = LEASE_FOREIGN;

    if (json_is_integer(version) && json_integer_value(version) == LEASE_VERSION && holder != NULL && end != NULL && read_time(end, ret_end_ms)) {
        answer = strcmp(holder, id) == 0 ? LEASE_OURS : LEASE_THEIRS;
    }
    json_decref(document);
    return answer;
}

char *docent_lease_write(const char *id, int64_t end_ms, int64_t *ret_end_ms)
{
    char end[64];
    int64_t seconds = end_ms / 1000, year, month, day;

    date_of(seconds / 86400, &year, &month, &day);
    (void)snprintf(end, sizeof end, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year, (int)month, (int)day, (int)(seconds / 3600 % 24),
                   (int)(seconds / 60 % 60), (int)(seconds % 60));
    json_t *document = json_pack("{s:i, s:s, s:s}", "version", LEASE_VERSION, "holder", id, "end", end);
    char *text = document == NULL ? NULL : json_dumps(document, JSON_ENSURE_ASCII);
    json_decref(document);
    *ret_end_ms = seconds * 1000;
    return text;
}
