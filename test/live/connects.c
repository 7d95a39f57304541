/*
 * What the workload `connects` does on the model, for uprobes: a function of the name of the kernel's, called by two processes in the workload's
 * order, with the process ids of the workload as second argument.
 */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noinline)) int tcp_v4_connect(void *sk, unsigned long pid)
{
    asm volatile("" : : "r"(sk), "r"(pid));
    return 0;
}

int main(void)
{
    int sk;
    if (setgid(1000) != 0 || setuid(1000) != 0)
        return 1;
    prctl(PR_SET_NAME, "client");
    tcp_v4_connect(&sk, 1000);
    if (fork() == 0) {
        prctl(PR_SET_NAME, "curl");
        for (int i = 0; i < 3; i++)
            tcp_v4_connect(&sk, 1001);
        _exit(0);
    }
    wait(0);
    tcp_v4_connect(&sk, 1000);
    return 0;
}
