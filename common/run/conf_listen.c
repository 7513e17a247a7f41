/*
 * Listeners as configured, with the services' own defaults for what the file leaves out.
 */
#include "common/run/conf_listen.h"

#include "common/base/xalloc.h"
#include "common/run/endpoint.h"

#include <stdlib.h>
#include <string.h>

static const struct conf_service *
find_service(const struct conf_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->service_count; i++)
        if (strcmp(schema->services[i].name, name) == 0)
            return &schema->services[i];
    return NULL;
}

static struct conf_listener *
find_listener(struct conf_common *common, const char *service)
{
    for (size_t i = 0; i < common->listener_count; i++)
        if (strcmp(common->listeners[i].service, service) == 0)
            return &common->listeners[i];
    return NULL;
}

static or_status
unknown_service(const struct conf_schema *schema, const char *service, struct err *e)
{
    struct buf names;

    buf_init(&names, ERR_TEXT_BYTES);
    for (size_t i = 0; i < schema->service_count; i++)
        buf_addf(&names, "%s%s", i == 0 ? "" : ", ", schema->services[i].name);
    err_set(e, OR_CONFIG, "there is no service \"%.60s\"; allowed: %.*s", service,
            SPAN_ARG(buf_span(&names)));
    buf_fini(&names);
    return OR_CONFIG;
}

static struct conf_listener *
add_listener(struct conf_common *common, const char *service, unsigned line)
{
    struct conf_listener *l = &common->listeners[common->listener_count++];

    *l = (struct conf_listener){.service = xstrdup(service), .line = line};
    return l;
}

or_status
conf_listen_begin(struct conf_common *common, const struct conf_schema *schema, const char *service,
                  unsigned line, struct err *e)
{
    if (find_service(schema, service) == NULL)
        return unknown_service(schema, service, e);
    const struct conf_listener *before = find_listener(common, service);

    if (before != NULL)
        return err_set(e, OR_CONFIG,
                       "a second section for this service (the first is on line %u); put all "
                       "addresses into one: address = {\"...\", \"...\"}",
                       before->line);
    if (common->listener_count == CONF_MAX_LISTENERS)
        return err_set(e, OR_CONFIG, "more than %d listen sections", CONF_MAX_LISTENERS);
    add_listener(common, service, line);
    return OR_OK;
}

static or_status
set_address(struct conf_listener *l, const char *value, struct err *e)
{
    struct endpoint endpoint;
    or_status st = endpoint_parse(value, &endpoint, e);

    if (st != OR_OK)
        return st;
    if (l->address_count == CONF_MAX_ADDRESSES)
        return err_set(e, OR_CONFIG, "more than %d addresses; remove some", CONF_MAX_ADDRESSES);
    l->addresses[l->address_count++] = xstrdup(value);
    return OR_OK;
}

static or_status
set_name(char **field, const char *option, const char *value, struct err *e)
{
    if (*field != NULL)
        return err_set(e, OR_CONFIG, "set twice in this section; remove one %s", option);
    *field = xstrdup(value);
    return OR_OK;
}

static or_status
set_owner(struct conf_listener *l, const char *value, struct err *e)
{
    return set_name(&l->owner, "owner", value, e);
}

static or_status
set_group(struct conf_listener *l, const char *value, struct err *e)
{
    return set_name(&l->group, "group", value, e);
}

static or_status
set_mode(struct conf_listener *l, const char *value, struct err *e)
{
    size_t n = strlen(value);
    unsigned long mode = strtoul(value, NULL, 8);

    if (l->mode != 0)
        return err_set(e, OR_CONFIG, "set twice in this section; remove one mode");
    if (n < 3 || n > 4 || strspn(value, "01234567") != n || mode == 0 || mode > 0777)
        return err_set(e, OR_CONFIG,
                       "\"%.60s\" is no mode; allowed: three octal digits; write e.g. mode = "
                       "\"0660\"",
                       value);
    l->mode = (mode_t)mode;
    return OR_OK;
}

static const struct {
    const char *name;
    or_status (*set)(struct conf_listener *l, const char *value, struct err *e);
} setters[] = {
    {"address", set_address}, {"owner", set_owner}, {"group", set_group}, {"mode", set_mode}};

or_status
conf_listen_set(struct conf_common *common, const char *option, const char *value, struct err *e)
{
    struct conf_listener *l = &common->listeners[common->listener_count - 1];

    for (size_t i = 0; i < sizeof(setters) / sizeof(setters[0]); i++)
        if (strcmp(setters[i].name, option) == 0)
            return setters[i].set(l, value, e);
    return err_set(e, OR_CONFIG, "unknown option");
}

/* "" in the file asks for "as created", which is NULL from here on. */
static void
finish_name(char **name)
{
    if (*name != NULL && **name == '\0') {
        free(*name);
        *name = NULL;
    }
}

static void
finish_listener(struct conf_listener *l, const struct conf_service *service)
{
    if (l->address_count == 0 && service->default_address != NULL)
        l->addresses[l->address_count++] = xstrdup(service->default_address);
    if (l->group == NULL && service->default_group != NULL) {
        l->group = xstrdup(service->default_group);
        l->group_is_default = true;
    }
    if (l->mode == 0)
        l->mode = service->default_mode != 0 ? service->default_mode : 0600;
    finish_name(&l->owner);
    finish_name(&l->group);
}

void
conf_listen_finish(struct conf_common *common, const struct conf_schema *schema)
{
    for (size_t i = 0; i < schema->service_count; i++) {
        const struct conf_service *service = &schema->services[i];
        struct conf_listener *l = find_listener(common, service->name);

        if (l == NULL && service->default_address != NULL)
            l = add_listener(common, service->name, 0);
        if (l != NULL)
            finish_listener(l, service);
    }
}

void
conf_listen_clear(struct conf_common *common)
{
    for (size_t i = 0; i < common->listener_count; i++) {
        struct conf_listener *l = &common->listeners[i];

        for (size_t k = 0; k < l->address_count; k++)
            free(l->addresses[k]);
        free(l->service);
        free(l->owner);
        free(l->group);
    }
    common->listener_count = 0;
}
