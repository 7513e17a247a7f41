/*
 * The two files of a key rotation: KEY-DIRECTORY/DOMAIN/rotation (the plan, written by the
 * operator's command) and STATE-DIRECTORY/dkim-rotation-DOMAIN (written by the daemon). Both appear
 * whole and durable, or not at all.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_ROTATION_FILE_H
#define OUTRIDER_MILTER_DKIM_DKIM_ROTATION_FILE_H

#include "milter/dkim/dkim_rotation.h"

/* OR_ABSENT: no rotation is under way; OR_CONFIG: unreadable or malformed, naming the file. */
or_status dkim_rotation_plan_read(const char *key_directory, const char *domain,
                                  struct dkim_rotation_plan *plan_out, struct err *e) OR_MUST_USE;
/* The domain's folder must be there. OR_CONFIG also when there is a plan already. */
or_status
dkim_rotation_plan_create(const char *key_directory, const char *domain,
                          const struct dkim_rotation_plan *plan, struct err *e) OR_MUST_USE;
/* Removes the plan, made durable; that there is none is OR_OK. */
or_status
dkim_rotation_plan_remove(const char *key_directory, const char *domain, struct err *e) OR_MUST_USE;

/* The state that belongs to the plan with this id; a fresh one (waiting) for OR_ABSENT and
 * OR_CONFIG alike: *state_out is always set. */
or_status dkim_rotation_state_read(const char *state_directory, const char *domain,
                                   const struct dkim_rotation_plan *plan,
                                   struct dkim_rotation_state *state_out, struct err *e);
or_status
dkim_rotation_state_write(const char *state_directory, const char *domain,
                          const struct dkim_rotation_state *state, struct err *e) OR_MUST_USE;

#endif
