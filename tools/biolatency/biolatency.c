#include <uapi/linux/ptrace.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>

#define DISK_NAME_SIZE 32

struct disk_key {
    char disk[DISK_NAME_SIZE];
    u64 slot;
};

struct flag_key {
    u64 flags;
    u64 slot;
};

struct sums {
    u64 total;
    u64 count;
};

// When each request was given to the driver, or with -Q when it was made.
BPF_HASH(start, struct request *);
#ifdef EXTENSION
BPF_ARRAY(extension, struct sums, 1);
#endif
#if defined(BY_DISK)
BPF_HISTOGRAM(dist, struct disk_key);
#elif defined(BY_FLAGS)
BPF_HISTOGRAM(dist, struct flag_key);
#else
BPF_HISTOGRAM(dist);
#endif

static inline int started(struct request *req)
{
#ifdef FILTER_MAJOR
    struct gendisk *disk = req->DISK;
    if (disk->major != FILTER_MAJOR || disk->first_minor != FILTER_MINOR)
        return 0;
#endif
    u64 ts = bpf_ktime_get_ns();
    start.update(&req, &ts);
    return 0;
}

static inline int ended(struct request *req)
{
    u64 *tsp = start.lookup(&req);
    if (!tsp)
        return 0; // filtered, or the start was missed
    u64 delta = (bpf_ktime_get_ns() - *tsp) / UNIT;
    start.delete(&req);
#ifdef EXTENSION
    int zero = 0;
    struct sums *sum = extension.lookup(&zero);
    if (sum) {
        lock_xadd(&sum->total, delta);
        lock_xadd(&sum->count, 1);
    }
#endif
#if defined(BY_DISK)
    struct disk_key key = {};
    struct gendisk *disk = req->DISK;
    bpf_probe_read_kernel(&key.disk, sizeof(key.disk), disk->disk_name);
    key.slot = bpf_log2l(delta);
    dist.increment(key);
#elif defined(BY_FLAGS)
    struct flag_key key = {};
    key.flags = req->cmd_flags;
    key.slot = bpf_log2l(delta);
    dist.increment(key);
#else
    dist.increment(bpf_log2l(delta));
#endif
    return 0;
}

int on_start(struct pt_regs *ctx, struct request *req) { return started(req); }
int on_end(struct pt_regs *ctx, struct request *req) { return ended(req); }

// The block layer's tracepoints have the request first (since 5.11).
int on_start_event(struct bpf_raw_tracepoint_args *ctx) { return started((struct request *)ctx->args[0]); }
int on_end_event(struct bpf_raw_tracepoint_args *ctx) { return ended((struct request *)ctx->args[0]); }
