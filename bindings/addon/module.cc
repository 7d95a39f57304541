// The native addon's door: what each part offers is registered here. The parts themselves (native/) know nothing of JavaScript.
// Node-API version 8, so that one binary serves Node 20, 22 and 24. https://nodejs.org/api/n-api.html
#include <napi.h>

#include "parts.h"

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  skep::register_engine(env, exports);
#if defined(__linux__)
  skep::register_linux(env, exports);
#if defined(__x86_64__)
  skep::register_tracer(env, exports);
#endif
#endif
  return exports;
}

NODE_API_MODULE(skep, init)
