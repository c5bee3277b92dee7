/* A library to preload: it makes system calls below one folder fail, and sets the clock of a process wrong.
 *
 * Nothing happens until a process calls faults_arm(control, folder, slot). `control` is a file of sizeof(struct control)
 * bytes that all processes map; whoever writes to it decides what happens from then on. Faults concern files below
 * `folder`; the clock is that of the whole process. See io_faults.py.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 64, MILLION = 1000000 };

struct control {
    _Atomic uint32_t errors_in_million; /* calls that fail with EIO */
    _Atomic uint32_t is_full;           /* whether calls that need space fail with ENOSPC */
    _Atomic uint64_t errors;            /* calls that failed with EIO so far */
    _Atomic uint64_t refusals;          /* calls that failed with ENOSPC so far */
    _Atomic int64_t clock_seconds[SLOTS]; /* what the clocks are ahead of the true time */
};

static struct control *control;
static char folder[PATH_MAX];
static size_t folder_length;
static unsigned slot;
static uint64_t state;

#define REAL(name) ((__typeof__(&name))real(&real_##name, #name))

static void *real(void **kept, const char *name) {
    if (*kept == NULL) *kept = dlsym(RTLD_NEXT, name);
    return *kept;
}

int faults_arm(const char *place, const char *below, unsigned number) {
    int descriptor = open(place, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return -1;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (mapped == MAP_FAILED || strlen(below) >= sizeof folder) return -1;
    strcpy(folder, below);
    folder_length = strlen(below);
    slot = number % SLOTS;
    state = 0x9E3779B97F4A7C15u * (number + 1);
    control = mapped;
    return 0;
}

static int draw(void) { /* xorshift64*, below one million */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (int)((state * 2685821657736338717u >> 33) % MILLION);
}

static int is_below(const char *path) { return strncmp(path, folder, folder_length) == 0; }

/* Whether a name in an open folder, or an open file where the name is NULL, lies below the folder. */
static int concerns(int descriptor, const char *name) {
    char link[64], path[PATH_MAX];
    if (name != NULL && name[0] == '/') return is_below(name);
    if (descriptor == AT_FDCWD) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

/* Return the error of a call, 0 where it goes well. */
static int fault(int descriptor, const char *name, int needs_space) {
    if (control == NULL) return 0;
    int full = needs_space && atomic_load(&control->is_full);
    int error = !full && draw() < (int)atomic_load(&control->errors_in_million);
    if (!(full || error) || !concerns(descriptor, name)) return 0;
    atomic_fetch_add(full ? &control->refusals : &control->errors, 1);
    return full ? ENOSPC : EIO;
}

#define FAIL_IF(...)                     \
    do {                                 \
        int found = fault(__VA_ARGS__);  \
        if (found) return errno = found, -1; \
    } while (0)

static void *real_write, *real_read, *real_fsync, *real_openat64, *real_mkdirat, *real_linkat,
    *real_renameat, *real_unlinkat, *real_clock_gettime;

ssize_t write(int descriptor, const void *data, size_t size) {
    int found = fault(descriptor, NULL, 1);
    if (found == ENOSPC && size > 1 && draw() % 2) return REAL(write)(descriptor, data, size / 2); /* what still fits */
    if (found) return errno = found, -1;
    return REAL(write)(descriptor, data, size);
}

ssize_t read(int descriptor, void *data, size_t size) {
    FAIL_IF(descriptor, NULL, 0);
    return REAL(read)(descriptor, data, size);
}

int fsync(int descriptor) {
    FAIL_IF(descriptor, NULL, 0);
    return REAL(fsync)(descriptor);
}

static int opened(int place, const char *name, int flags, mode_t mode) {
    FAIL_IF(place, name, (flags & O_CREAT) != 0);
    return REAL(openat64)(place, name, flags, mode);
}

#define MODE(flags)                                     \
    mode_t mode = 0;                                    \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {            \
        va_list more;                                   \
        va_start(more, flags);                          \
        mode = va_arg(more, mode_t);                    \
        va_end(more);                                   \
    }

int open(const char *name, int flags, ...) {
    MODE(flags)
    return opened(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...) {
    MODE(flags)
    return opened(AT_FDCWD, name, flags, mode);
}

int openat(int place, const char *name, int flags, ...) {
    MODE(flags)
    return opened(place, name, flags, mode);
}

int openat64(int place, const char *name, int flags, ...) {
    MODE(flags)
    return opened(place, name, flags, mode);
}

int mkdirat(int place, const char *name, mode_t mode) {
    FAIL_IF(place, name, 1);
    return REAL(mkdirat)(place, name, mode);
}

int linkat(int from, const char *name, int to, const char *target, int flags) {
    FAIL_IF(to, target, 1);
    return REAL(linkat)(from, name, to, target, flags);
}

int renameat(int from, const char *name, int to, const char *target) {
    FAIL_IF(to, target, 0);
    return REAL(renameat)(from, name, to, target);
}

int unlinkat(int place, const char *name, int flags) {
    FAIL_IF(place, name, 0);
    return REAL(unlinkat)(place, name, flags);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = REAL(clock_gettime)(clock, now);
    if (done == 0 && control != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += atomic_load(&control->clock_seconds[slot]);
    return done;
}
