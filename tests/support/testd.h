/*
 * A small daemon on the real skeleton, for tests from the outside: answers each line on its service
 * `word` with the `word` of its configuration; the line "twice" waits for a second one first. The
 * word "unbuildable" makes spec->build() fail, TESTD_OWN in the environment makes it serve by
 * itself, as the milter does.
 *
 * Threads: as daemon.h.
 */
#ifndef OUTRIDER_TESTS_SUPPORT_TESTD_H
#define OUTRIDER_TESTS_SUPPORT_TESTD_H

#define TESTD_NAME "outrider-testd"
#define TESTD_WAIT_MS 10000

/* For a main() that finds itself called TESTD_NAME. */
int testd_main(int argc, char **argv);

#endif
