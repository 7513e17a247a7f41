/*
 * The process's own figures, read when somebody asks for them. 0 where the system does not tell.
 *
 * Threads: locked (system calls only).
 */
#ifndef OUTRIDER_COMMON_RUN_METRICS_PROCESS_H
#define OUTRIDER_COMMON_RUN_METRICS_PROCESS_H

double metrics_process_resident_bytes(void);
double metrics_process_virtual_bytes(void);
/* User and system time of all threads. */
double metrics_process_cpu_seconds(void);
double metrics_process_open_fds(void);
double metrics_process_max_fds(void);

#endif
