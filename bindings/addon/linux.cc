// Glue for native/linux: system calls as functions that answer a number, negative for -errno. Typed by bindings/addon/index.ts.
#include <napi.h>

#include <cstring>

#include "linux/sys.h"
#include "parts.h"

namespace skep {
namespace {

Napi::Value number(const Napi::CallbackInfo& info, long value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

// bpf(command, attr, pointers?: [offset, bytes, offset, bytes, ...]): the address of each `bytes` is put at its offset of a copy of attr
// for the call; what the kernel wrote into attr elsewhere is copied back.
Napi::Value bpf(const Napi::CallbackInfo& info) {
  Bytes attr;
  if (!bytes_of(info.Env(), info[1], &attr)) return info.Env().Undefined();
  constexpr size_t kMost = 1024;
  if (attr.size > kMost) return number(info, -E2BIG);
  alignas(8) uint8_t copy[kMost];
  memcpy(copy, attr.data, attr.size);
  std::vector<std::pair<size_t, uint64_t>> patched;
  if (info[2].IsArray()) {
    const auto list = info[2].As<Napi::Array>();
    for (uint32_t i = 0; i + 1 < list.Length(); i += 2) {
      const auto offset = static_cast<size_t>(Napi::Value(list[i]).ToNumber().Int64Value());
      Bytes target;
      if (!bytes_of(info.Env(), Napi::Value(list[i + 1]), &target)) return info.Env().Undefined();
      if (offset + 8 > attr.size) {
        Napi::RangeError::New(info.Env(), "a pointer lies outside of attr").ThrowAsJavaScriptException();
        return info.Env().Undefined();
      }
      const auto address = reinterpret_cast<uint64_t>(target.data);
      memcpy(copy + offset, &address, 8);
      patched.push_back({offset, 0});
      memcpy(&patched.back().second, attr.data + offset, 8);
    }
  }
  const long result = sys::bpf(info[0].ToNumber().Int32Value(), copy, static_cast<unsigned>(attr.size));
  for (const auto& [offset, before] : patched) memcpy(copy + offset, &before, 8);
  memcpy(attr.data, copy, attr.size);
  return number(info, result);
}

// perfEventOpen(attr, pid, cpu, groupFd, flags)
Napi::Value perf_event_open(const Napi::CallbackInfo& info) {
  Bytes attr;
  if (!bytes_of(info.Env(), info[0], &attr)) return info.Env().Undefined();
  return number(info, sys::perf_event_open(attr.data, info[1].ToNumber().Int32Value(), info[2].ToNumber().Int32Value(),
                                           info[3].ToNumber().Int32Value(),
                                           static_cast<unsigned long>(info[4].ToNumber().Int64Value())));
}

// ioctl(fd, request, argument: number | bytes)
Napi::Value ioctl(const Napi::CallbackInfo& info) {
  uint64_t argument = 0;
  if (info[2].IsTypedArray()) {
    Bytes bytes;
    if (!bytes_of(info.Env(), info[2], &bytes)) return info.Env().Undefined();
    argument = reinterpret_cast<uint64_t>(bytes.data);
  } else if (info[2].IsNumber()) {
    argument = static_cast<uint64_t>(info[2].ToNumber().Int64Value());
  }
  return number(info, sys::ioctl(info[0].ToNumber().Int32Value(),
                                 static_cast<unsigned long>(info[1].ToNumber().Int64Value()), argument));
}

Napi::Value close(const Napi::CallbackInfo& info) { return number(info, sys::close(info[0].ToNumber().Int32Value())); }

// poll(fds: Int32Array, timeoutMs, ready: Uint8Array)
Napi::Value poll(const Napi::CallbackInfo& info) {
  Bytes fds, ready;
  if (!bytes_of(info.Env(), info[0], &fds) || !bytes_of(info.Env(), info[2], &ready)) return info.Env().Undefined();
  const size_t count = std::min(fds.size / 4, ready.size);
  return number(info, sys::poll_readable(reinterpret_cast<int32_t*>(fds.data), count, info[1].ToNumber().Int32Value(),
                                         ready.data));
}

// mmap(length, protection, flags, fd, offset): an ArrayBuffer over the mapping (unmapped by munmap, or when it is collected), or -errno
Napi::Value map(const Napi::CallbackInfo& info) {
  const auto length = static_cast<size_t>(info[0].ToNumber().Int64Value());
  void* address = nullptr;
  const long problem = sys::map(length, info[1].ToNumber().Int32Value(), info[2].ToNumber().Int32Value(),
                                info[3].ToNumber().Int32Value(), info[4].ToNumber().Int64Value(), &address);
  if (problem) return number(info, problem);
  // Once detached by munmap the finalizer still runs, with the same address: by then another mapping may lie there.
  struct Mapping {
    size_t length;
    bool open = true;
  };
  auto* mapping = new Mapping{length};
  napi_value buffer;
  const napi_status made = napi_create_external_arraybuffer(
      info.Env(), address, length,
      [](napi_env, void* at, void* hint) {
        auto* m = static_cast<Mapping*>(hint);
        if (m->open) sys::unmap(at, m->length);
        delete m;
      },
      mapping, &buffer);
  if (made != napi_ok) {
    sys::unmap(address, length);
    delete mapping;
    return number(info, -ENOSYS);  // a runtime that allows no external memory
  }
  auto out = Napi::Object::New(info.Env());
  out.Set("buffer", Napi::Value(info.Env(), buffer));
  out.Set("unmap", Napi::Function::New(info.Env(), [mapping, address](const Napi::CallbackInfo& call) {
            // `this` keeps the buffer, and so `mapping`, alive.
            const auto self = call.This().As<Napi::Object>();
            const Napi::Value held = self.Get("buffer");
            if (!held.IsArrayBuffer() || !mapping->open) return number(call, -EINVAL);
            napi_detach_arraybuffer(call.Env(), held);
            mapping->open = false;
            return number(call, sys::unmap(address, mapping->length));
          }));
  return out;
}

}  // namespace

void register_linux(Napi::Env env, Napi::Object exports) {
  auto sys = Napi::Object::New(env);
  sys.Set("bpf", Napi::Function::New<bpf>(env, "bpf"));
  sys.Set("perfEventOpen", Napi::Function::New<perf_event_open>(env, "perfEventOpen"));
  sys.Set("ioctl", Napi::Function::New<ioctl>(env, "ioctl"));
  sys.Set("close", Napi::Function::New<close>(env, "close"));
  sys.Set("poll", Napi::Function::New<poll>(env, "poll"));
  sys.Set("mmap", Napi::Function::New<map>(env, "mmap"));
  register_live(env, sys);
  exports.Set("sys", sys);
}

}  // namespace skep
