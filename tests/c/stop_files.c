/* Preloaded into a process, stops it at the STOP_AT-th change that it makes to files, as
   STOP_HOW says: "kill" before it, "half" after half of a write, "fail" lets the change
   fail as on a full disk. With STOP_COUNT the number of changes is written to that file. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int count;

static int is(const char *how) {
  const char *asked = getenv("STOP_HOW");
  return asked && strcmp(asked, how) == 0;
}

/* Whether this is the change to stop at; does not return where the process is killed. */
static int due(void) {
  const char *at = getenv("STOP_AT");
  if (atomic_fetch_add(&count, 1) + 1 != (at ? atoi(at) : 0)) return 0;
  if (is("kill")) kill(getpid(), SIGKILL);
  errno = ENOSPC;
  return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t length) {
  if (fd > 2 && due()) {
    if (!is("half")) return -1;
    REAL(write)(fd, bytes, length / 2);
    kill(getpid(), SIGKILL);
  }
  return REAL(write)(fd, bytes, length);
}

int fsync(int fd) { return due() ? -1 : REAL(fsync)(fd); }

int fchmod(int fd, mode_t mode) { return due() ? -1 : REAL(fchmod)(fd, mode); }

int rename(const char *from, const char *to) { return due() ? -1 : REAL(rename)(from, to); }

int unlink(const char *path) { return due() ? -1 : REAL(unlink)(path); }

int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0;
  va_end(more);
  if ((flags & O_CREAT) && due()) return -1;
  return REAL(open64)(path, flags, mode);
}

__attribute__((destructor)) static void tell(void) {
  const char *path = getenv("STOP_COUNT");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%d", atomic_load(&count));
  fclose(file);
}
