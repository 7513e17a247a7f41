/*
 * What every daemon counts. Names and units of the process's figures are those that Prometheus's
 * own client libraries use.
 */
#include "common/run/metrics.h"
#include "common/run/metrics_process.h"

static const char *const versions[] = {OUTRIDER_VERSION, NULL};
/* In the order of the enums in metrics.h. */
static const char *const pause_words[] = {"max-connections", "descriptors", "threads", NULL};
static const char *const reload_words[] = {"success", "failure", NULL};
static const char *const dns_words[] = {"found", "nodata", "nxdomain", "timeout", "failed", NULL};

const struct metrics_row metrics_common_rows[METRICS_FIRST] = {
    [METRICS_BUILD_INFO] = {.name = "outrider_build_info",
                            .type = METRICS_GAUGE,
                            .labels = {{"version", versions}},
                            .help = "Always 1; the label says which version runs."},
    [METRICS_START_TIME] = {.name = "process_start_time_seconds",
                            .type = METRICS_GAUGE,
                            .help = "When the process started, in seconds since 1970."},
    [METRICS_RESIDENT_BYTES] = {.name = "process_resident_memory_bytes",
                                .type = METRICS_GAUGE,
                                .read = metrics_process_resident_bytes,
                                .help = "Memory in use."},
    [METRICS_VIRTUAL_BYTES] = {.name = "process_virtual_memory_bytes",
                               .type = METRICS_GAUGE,
                               .read = metrics_process_virtual_bytes,
                               .help = "Address space in use."},
    [METRICS_CPU_SECONDS] = {.name = "process_cpu_seconds_total",
                             .type = METRICS_COUNTER,
                             .read = metrics_process_cpu_seconds,
                             .help = "Processor time used, user and system."},
    [METRICS_OPEN_FDS] = {.name = "process_open_fds",
                          .type = METRICS_GAUGE,
                          .read = metrics_process_open_fds,
                          .help = "Open file descriptors."},
    [METRICS_MAX_FDS] = {.name = "process_max_fds",
                         .type = METRICS_GAUGE,
                         .read = metrics_process_max_fds,
                         .help = "Limit of open file descriptors."},
    [METRICS_CONNECTIONS] = {.name = "outrider_connections",
                             .type = METRICS_GAUGE,
                             .help = "Connections served now, over all listeners."},
    [METRICS_CONNECTIONS_TOTAL] = {.name = "outrider_connections_total",
                                   .type = METRICS_COUNTER,
                                   .help = "Connections accepted."},
    [METRICS_ACCEPT_PAUSES] = {.name = "outrider_accept_pauses_total",
                               .type = METRICS_COUNTER,
                               .labels = {{"reason", pause_words}},
                               .help = "Times that new connections had to wait, by what ran out."},
    [METRICS_RELOADS] = {.name = "outrider_reloads_total",
                         .type = METRICS_COUNTER,
                         .labels = {{"result", reload_words}},
                         .help = "Reloads of the configuration (SIGHUP)."},
    [METRICS_RELOAD_GOOD] = {.name = "outrider_config_last_reload_successful",
                             .type = METRICS_GAUGE,
                             .help = "1 when the last start or reload took the configuration, 0 "
                                     "when the one before is still in force."},
    [METRICS_RELOAD_TIME] = {.name = "outrider_config_last_reload_success_timestamp_seconds",
                             .type = METRICS_GAUGE,
                             .help = "When the configuration in force was read, in seconds since "
                                     "1970."},
    [METRICS_DNS_QUESTIONS] = {.name = "outrider_dns_questions_total",
                               .type = METRICS_COUNTER,
                               .labels = {{"result", dns_words}},
                               .help = "Questions to DNS, from the cache or not."},
    [METRICS_DNS_LOOKUPS] = {.name = "outrider_dns_lookups_total",
                             .type = METRICS_COUNTER,
                             .labels = {{"result", dns_words}},
                             .help = "Questions that the cache did not answer and a resolver was "
                                     "asked for."},
    [METRICS_DNS_LOOKUP_SECONDS] = {.name = "outrider_dns_lookup_seconds",
                                    .type = METRICS_HISTOGRAM,
                                    .help = "How long resolvers took, all tries together."},
};
