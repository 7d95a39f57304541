#include <linux/nothing_here.h>
#include <nosuch.h>
#include "mine.h"
int f(void *ctx) { float x = 1.5; int n = 3; int a[n]; return x; }
