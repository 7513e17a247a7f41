/*
 * -c FILE, -t, -V, -h, --print-options, --print-metrics.
 */
#include "common/run/daemon_args.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { ARG_PRINT_OPTIONS = 256, ARG_PRINT_METRICS };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, 't'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {"print-options", no_argument, NULL, ARG_PRINT_OPTIONS},
    {"print-metrics", no_argument, NULL, ARG_PRINT_METRICS},
    {NULL, 0, NULL, 0},
};

static void
print_help(const char *name, const char *config)
{
    printf("usage: %s [-c FILE] [-t]\n"
           "  -c, --config FILE   configuration (default %s)\n"
           "  -t, --check         check the configuration and exit: 0 good, 78 wrong\n"
           "  -V, --version       print the version and exit\n"
           "  -h, --help          print this and exit\n"
           "      --print-options print every option as \"section name type default\" and exit\n"
           "      --print-metrics print every metric as \"name type labels\" and exit\n"
           "See %s(8).\n",
           name, config, name);
}

static bool
usage_fault(const char *name, const char *what, int *status_out)
{
    fprintf(stderr, "%s: %s; try %s --help\n", name, what, name);
    *status_out = EX_USAGE;
    return false;
}

static bool
set_config(const char *name, const char *path, struct daemon_args *args, int *status_out)
{
    if (strlen(path) >= sizeof(args->config))
        return usage_fault(name, "the path after -c is too long", status_out);
    memcpy(args->config, path, strlen(path) + 1);
    return true;
}

/* One option; false: exit. */
static bool
take_option(int option, const struct daemon_spec *spec, struct daemon_args *args, int *status_out)
{
    const char *name = spec->name;

    *status_out = 0;
    switch (option) {
    case 'c':
        return set_config(name, optarg, args, status_out);
    case 't':
        args->check_only = true;
        return true;
    case 'V':
        printf("%s %s\n", name, OUTRIDER_VERSION);
        return false;
    case 'h':
        print_help(name, args->config);
        return false;
    case ARG_PRINT_OPTIONS:
        conf_print_options(spec->schema);
        return false;
    case ARG_PRINT_METRICS:
        metrics_print(spec->metrics, spec->schema->uses_dns);
        return false;
    case ':':
        return usage_fault(name, "-c needs a file", status_out);
    default:
        return usage_fault(name, "unknown option", status_out);
    }
}

bool
daemon_args_parse(int argc, char **argv, const struct daemon_spec *spec,
                  struct daemon_args *args_out, int *status_out)
{
    int option;

    args_out->check_only = false;
    conf_default_path(spec->schema->daemon, args_out->config, sizeof(args_out->config));
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:tVh", long_options, NULL)) != -1)
        if (!take_option(option, spec, args_out, status_out))
            return false;
    if (optind < argc)
        return usage_fault(spec->name, "there are no arguments besides options", status_out);
    return true;
}
