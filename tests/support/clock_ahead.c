/* `make test-clock-ahead` preloads this into the tests and every program they start.
 * The real-time clock is DAYS ahead; clocks that measure waiting are not changed.
 * (libfaketime 0.9 moves those too, but not the timeouts of locks, so tests hang.)
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECONDS (DAYS * 86400L)

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = syscall(SYS_clock_gettime, clock, now);
	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += SECONDS;
	return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	int result = syscall(SYS_gettimeofday, now, zone);
	if (result == 0)
		now->tv_sec += SECONDS;
	return result;
}

time_t time(time_t *store)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (store)
		*store = now.tv_sec;
	return now.tv_sec;
}
