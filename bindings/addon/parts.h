// The parts of the addon and what their glue shares.
#pragma once
#include <napi.h>

#include <cstddef>
#include <cstdint>

namespace skep {

void register_engine(Napi::Env env, Napi::Object exports);
void register_tracer(Napi::Env env, Napi::Object exports);
void register_linux(Napi::Env env, Napi::Object exports);
// Into what register_linux exports as `sys`.
void register_live(Napi::Env env, Napi::Object sys);

// The bytes of a typed array or DataView, also one over a SharedArrayBuffer. Returns false (and throws) for anything else.
struct Bytes {
  uint8_t* data = nullptr;
  size_t size = 0;
};
inline bool bytes_of(Napi::Env env, napi_value value, Bytes* out) {
  bool is = false;
  void* data = nullptr;
  if (napi_is_typedarray(env, value, &is) == napi_ok && is) {
    napi_typedarray_type type;
    size_t length;
    if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) return false;
    static const size_t width[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
    *out = {static_cast<uint8_t*>(data), length * width[type]};
    return true;
  }
  Napi::TypeError::New(env, "a typed array is wanted").ThrowAsJavaScriptException();
  return false;
}

}  // namespace skep
